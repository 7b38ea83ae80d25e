package io.skerry.api;

/** State of a run, a packaging or any other long piece of work. */
public enum WorkState {
  QUEUED,
  RUNNING,
  SUCCEEDED,
  FAILED,
  CANCELLED;

  /** Whether nothing will change any more. */
  public boolean isTerminal() {
    return this != QUEUED && this != RUNNING;
  }
}
