package io.skerry.packager.emulate;

import java.io.IOException;

/** The emulated program did not do its work. */
public final class EmulationException extends IOException {
  private static final long serialVersionUID = 1L;

  EmulationException(String message) {
    super(message);
  }

  EmulationException(String message, Throwable cause) {
    super(message, cause);
  }
}
