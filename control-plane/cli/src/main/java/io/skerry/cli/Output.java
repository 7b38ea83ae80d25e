package io.skerry.cli;

/** How a result is written. */
enum Output {
  /** Columns for people. */
  TABLE,
  /** The API's own document. */
  JSON,
  /** {@code kind/name}, one a line, for scripts. */
  NAME
}
