package io.skerry.profile;

import java.util.List;

/** Profile files that cannot be used: all their mistakes, each with file and key. */
public final class ProfileException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final List<String> mistakes;

  public ProfileException(List<String> mistakes) {
    super(String.join("; ", mistakes));
    this.mistakes = List.copyOf(mistakes);
  }

  /** One line each. */
  public List<String> mistakes() {
    return mistakes;
  }
}
