package io.skerry.profile;

import java.nio.file.Path;
import java.util.List;

/** Profile files that cannot be used: all their mistakes, each with file and key. */
public final class ProfileException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final List<String> mistakes;

  public ProfileException(List<String> mistakes) {
    this(String.join("; ", mistakes), mistakes);
  }

  private ProfileException(String message, List<String> mistakes) {
    super(message);
    this.mistakes = List.copyOf(mistakes);
  }

  /**
   * Its message is for whoever named the folder: a line for the folder, and one for each mistake.
   */
  static ProfileException in(Path folder, List<String> mistakes) {
    return new ProfileException(
        "profiles in '%s' have mistakes:%n  %s".formatted(folder, String.join("\n  ", mistakes)),
        mistakes);
  }

  /** One line each. */
  public List<String> mistakes() {
    return mistakes;
  }
}
