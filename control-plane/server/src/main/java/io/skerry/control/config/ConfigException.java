package io.skerry.control.config;

import java.util.List;

/** A configuration file has mistakes; the message lists all of them. */
public final class ConfigException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ConfigException(String source, List<String> mistakes) {
    super(source + ": " + String.join("; ", mistakes));
  }
}
