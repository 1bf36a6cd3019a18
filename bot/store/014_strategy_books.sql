-- A sub-ledger for each strategy: together they are the ledger's cash and what the broker shows at our own marks.

-- Where each strategy's book stands; `foreign` and `unassigned` belong to none. Signed effects on cash, dollars.
CREATE TABLE strategy_books (
    strategy TEXT PRIMARY KEY, -- the strategy
    opening TEXT NOT NULL, -- cash with which the books began
    premium TEXT NOT NULL, -- options sold and bought
    shares TEXT NOT NULL, -- shares bought, sold and delivered
    dividends TEXT NOT NULL, -- dividends less tax withheld
    interest TEXT NOT NULL, -- interest
    fees TEXT NOT NULL, -- fees the broker booked
    transfers TEXT NOT NULL, -- money moved in and out of the account
    moved TEXT NOT NULL, -- cost of holdings taken over from another book
    other TEXT NOT NULL, -- lines of a kind this program does not know
    income TEXT NOT NULL, -- ended options and shares sold, income book
    tax_income TEXT NOT NULL, -- the same in the tax book
    carried TEXT NOT NULL, -- what its open lots and legs cost
    cash TEXT NOT NULL, -- all parts that are cash, summed
    value TEXT NOT NULL, -- what it holds at own marks
    collateral TEXT NOT NULL, -- strikes of its short puts
    unknown TEXT NOT NULL, -- shares and contracts it holds at a price nobody stated
    tick_id INTEGER NOT NULL REFERENCES ticks (id) -- the tick that wrote it
) STRICT, WITHOUT ROWID;

-- Each strategy's book at the last tick of each finished session day.
CREATE TABLE strategy_days (
    day TEXT NOT NULL, -- session day
    strategy TEXT NOT NULL, -- the strategy
    opening TEXT NOT NULL, -- cash with which the books began
    premium TEXT NOT NULL, -- options sold and bought
    shares TEXT NOT NULL, -- shares bought, sold and delivered
    dividends TEXT NOT NULL, -- dividends less tax withheld
    interest TEXT NOT NULL, -- interest
    fees TEXT NOT NULL, -- fees the broker booked
    transfers TEXT NOT NULL, -- money moved in and out of the account
    moved TEXT NOT NULL, -- cost of holdings taken over from another book
    other TEXT NOT NULL, -- lines of a kind this program does not know
    income TEXT NOT NULL, -- ended options and shares sold, income book
    tax_income TEXT NOT NULL, -- the same in the tax book
    carried TEXT NOT NULL, -- what its open lots and legs cost
    cash TEXT NOT NULL, -- all parts that are cash, summed
    value TEXT NOT NULL, -- what it holds at own marks
    collateral TEXT NOT NULL, -- strikes of its short puts
    unknown TEXT NOT NULL, -- shares and contracts it holds at a price nobody stated
    PRIMARY KEY (day, strategy)
) STRICT, WITHOUT ROWID;
