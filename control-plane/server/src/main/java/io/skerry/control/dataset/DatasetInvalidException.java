package io.skerry.control.dataset;

import java.util.List;
import java.util.stream.Collectors;

/** A dataset was refused; tells every mistake that was found, up to a bound. */
public final class DatasetInvalidException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final transient List<Mistake> mistakes;

  DatasetInvalidException(List<Mistake> mistakes) {
    super(mistakes.stream().map(Mistake::toString).collect(Collectors.joining("; ")));
    this.mistakes = List.copyOf(mistakes);
  }

  DatasetInvalidException(String message) {
    this(List.of(new Mistake(0, 0, message)));
  }

  /** What is wrong, in the order of the file. */
  public List<Mistake> mistakes() {
    return mistakes;
  }
}
