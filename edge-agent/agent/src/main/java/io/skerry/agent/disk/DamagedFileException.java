package io.skerry.agent.disk;

import java.io.IOException;

/** A file can be read, but holds something else than what was written. */
public final class DamagedFileException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Says which file, and what became of it. */
  public DamagedFileException(String message) {
    super(message);
  }
}
