package io.skerry.cli;

/** What the exit code of a command says. */
final class ExitCodes {
  static final int DONE = 0;
  static final int FAILED = 1;
  static final int USAGE = 2;
  static final int NOT_FOUND = 3;

  /** Not logged in, or not allowed. */
  static final int NOT_ALLOWED = 4;

  /** Something else is in the way, or changed meanwhile. */
  static final int CONFLICT = 5;

  /** It ran, and its result is bad: a rollout was rolled back, a run failed. */
  static final int BAD_RESULT = 6;

  static final int TIMEOUT = 7;
  static final int INTERRUPTED = 130;

  private ExitCodes() {}

  static int ofProblem(String code) {
    return switch (code) {
      case "NOT_FOUND", "ARTIFACT_NOT_FOUND" -> NOT_FOUND;
      case "NOT_AUTHENTICATED", "NOT_ALLOWED" -> NOT_ALLOWED;
      case "ALREADY_EXISTS",
          "STATE_CONFLICT",
          "CHANGED_MEANWHILE",
          "PRECONDITION_REQUIRED",
          "SUPERSEDED" ->
          CONFLICT;
      default -> FAILED;
    };
  }
}
