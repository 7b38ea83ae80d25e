package io.skerry.agent.disk;

import java.io.IOException;

/** The disk, or the part of it that this process may use, is full. */
public final class DiskFullException extends IOException {
  private static final long serialVersionUID = 1;

  /** Makes one; {@code path} could not be written. */
  public DiskFullException(String path, Throwable cause) {
    super("no space left for " + path, cause);
  }

  /** Makes one; {@code path} could not be written. */
  public DiskFullException(String path) {
    super("no space left for " + path);
  }
}
