// Small pictures, drawn with the colour of the text.
import type { ComponentChildren } from 'preact';

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.6"
      stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      {children}
    </svg>
  );
}

/** A gate with its bar: the customs house. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
      <rect class="mark-ground" width="32" height="32" rx="7" />
      <path class="mark-gate" d="M7 26V15a9 9 0 0 1 18 0v11h-4.600V15a4.400 4.400 0 0 0-8.800 0v11z" />
      <path class="mark-bar" d="M4.500 19.200h23v2.600h-23z" />
    </svg>
  );
}

export const LiveIcon = () => (
  <Icon>
    <path d="M2.500 10h3l2-5 4 10 2.200-5h3.800" />
  </Icon>
);

export const SendersIcon = () => (
  <Icon>
    <circle cx="10" cy="7" r="3" />
    <path d="M4 16.500c.6-3 3-4.500 6-4.500s5.400 1.500 6 4.500" />
  </Icon>
);

export const QueueIcon = () => (
  <Icon>
    <path d="M3 5.500h14M3 10h14M3 14.500h9" />
  </Icon>
);

export const PauseIcon = () => (
  <Icon>
    <path d="M7 5v10M13 5v10" />
  </Icon>
);

export const PlayIcon = () => (
  <Icon>
    <path d="M7 4.800v10.400l8-5.200z" />
  </Icon>
);

export const CopyIcon = () => (
  <Icon>
    <rect x="7" y="7" width="9" height="9" rx="1.500" />
    <path d="M13 7V5.500A1.500 1.500 0 0 0 11.500 4h-6A1.500 1.500 0 0 0 4 5.500v6A1.500 1.500 0 0 0 5.500 13H7" />
  </Icon>
);

export const BackIcon = () => (
  <Icon>
    <path d="M12 4.500 6.500 10l5.500 5.500" />
  </Icon>
);

export const LockIcon = () => (
  <Icon>
    <rect x="4.500" y="9" width="11" height="7.500" rx="1.500" />
    <path d="M7 9V6.500a3 3 0 0 1 6 0V9" />
  </Icon>
);

export const GearIcon = () => (
  <Icon>
    <circle cx="10" cy="7" r="3" />
    <path d="M4 16.500c.6-3 3-4.500 6-4.500s5.400 1.500 6 4.500" />
  </Icon>
);

export const WarnIcon = () => (
  <Icon>
    <path d="M10 3.500 17.500 16.500h-15z" />
    <path d="M10 8.500v3.500M10 14.300v.1" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="M5.500 5.500l9 9M14.500 5.500l-9 9" />
  </Icon>
);
