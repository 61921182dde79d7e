// Builds the pages and puts compressed copies beside the files, so that the gateway compresses nothing at run time.
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

function compressed(): Plugin {
  return {
    name: 'compressed-copies',
    apply: 'build',
    writeBundle(options) {
      for (const path of filesBelow(options.dir ?? 'dist')) {
        if (!/\.(js|css|html|svg)$/.test(path)) continue;
        const plain = readFileSync(path);
        if (plain.length < 512) continue;
        writeFileSync(`${path}.gz`, gzipSync(plain, { level: 9 }));
        writeFileSync(`${path}.br`, brotliCompressSync(plain));
      }
    },
  };
}

export default defineConfig({
  plugins: [compressed()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: ['chrome123', 'firefox121', 'safari17.5'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
  server: { proxy: { '/v1': { target: process.env['DOGANA_PANEL'] ?? 'http://127.0.0.1:8080' } } },
});
