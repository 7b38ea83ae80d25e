package io.skerry.agent.identity;

/** The control plane answered, and did not do what it was asked. */
final class RefusedException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int status;

  RefusedException(int status, String detail) {
    super(detail);
    this.status = status;
  }

  /** The HTTP status. */
  int status() {
    return status;
  }
}
