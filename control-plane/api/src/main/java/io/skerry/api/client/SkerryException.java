package io.skerry.api.client;

import io.skerry.api.Problem;
import java.util.Optional;

/** A request was not done: refused with a problem, or the control plane was not reached. */
public final class SkerryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient Optional<Problem> problem;

  SkerryException(Problem problem) {
    super(problem.detail());
    this.problem = Optional.of(problem);
  }

  SkerryException(String message, Throwable cause) {
    super(message, cause);
    this.problem = Optional.empty();
  }

  /** What the control plane answered; empty when it was not reached. */
  public Optional<Problem> problem() {
    return problem;
  }
}
