package io.skerry.artifact.trust;

import java.io.InputStream;

/** A stream without an end. */
final class EndlessStream extends InputStream {
  @Override
  public int read() {
    return 'x';
  }
}
