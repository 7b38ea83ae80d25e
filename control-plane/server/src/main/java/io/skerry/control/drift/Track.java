package io.skerry.control.drift;

/** One model in one slot, counted in windows of one length: what a ledger is kept for. */
record Track(String slot, String model, long windowMillis) {
  long startMillis(long window) {
    return window * windowMillis;
  }
}
