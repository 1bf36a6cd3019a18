"use client";

import "./globals.css";

/** A page that could not be drawn: calm words, never a stack; the reference is in the board's own log. */
export default function GlobalError({ error, reset }: Readonly<{ error: Error & { digest?: string }; reset: () => void }>) {
  return (
    <html lang="en"><body><main id="content" className="mx-auto max-w-2xl px-4 pt-16">
      <h1 className="mb-2">This page could not be drawn</h1>
      <p>The bot does not depend on this board: ticks go on. In a terminal, <code>bot status</code> says how the desk stands.</p>
      <p className="mt-2">If it happens again, run <code>bot doctor</code> and look at what the board printed where it was started
        {error.digest === undefined ? "." : <>, at reference <code className="select-all">{error.digest}</code>.</>}</p>
      <p className="mt-4 flex gap-4">
        <button type="button" onClick={reset} className="rounded border border-line bg-raised px-3 py-1">Try again</button>
        <a href="/" className="py-1">Go to the overview</a>
      </p>
    </main></body></html>
  );
}
