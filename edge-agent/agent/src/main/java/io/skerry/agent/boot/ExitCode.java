package io.skerry.agent.boot;

/** What the agent's exit codes mean; the same as those of the operator's command line. */
final class ExitCode {
  static final int DONE = 0;
  static final int FAILED = 1;
  static final int USAGE = 2;
  static final int NOT_FOUND = 3;

  private ExitCode() {}
}
