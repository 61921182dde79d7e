-- Domains that links of accepted mail led to. `hash` is of the domain; days are counted from 1970; `senders` is a set of 32 bits.
-- The row of hash 0 tells when the memory began.
CREATE TABLE host (
    hash INTEGER PRIMARY KEY,
    first_day INTEGER NOT NULL,
    last_day INTEGER NOT NULL,
    senders INTEGER NOT NULL
) STRICT;
