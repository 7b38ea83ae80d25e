package io.skerry.fleet.gate;

/** What a gate says. Names are wire values. */
public enum Verdict {
  /** Enough was seen, and it is within the limit. */
  PASS,
  /** Harm beyond the limit is shown. */
  FAIL,
  /** Something was seen, but it decides neither way yet. */
  INCONCLUSIVE,
  /** Nothing was seen. Never success. */
  NO_DATA
}
