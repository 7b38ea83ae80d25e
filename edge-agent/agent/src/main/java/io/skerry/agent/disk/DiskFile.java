package io.skerry.agent.disk;

import java.io.IOException;
import java.nio.ByteBuffer;

/** An open file. Not thread-safe. */
public interface DiskFile extends AutoCloseable {
  /**
   * Reads at a place until the buffer is full or the file ends.
   *
   * @return bytes read; 0 at the end of the file
   */
  int read(ByteBuffer buffer, long at) throws IOException;

  /**
   * Writes everything that remains in the buffer. When this fails, some of it may be in the file.
   */
  void write(ByteBuffer bytes, long at) throws IOException;

  /** Cuts the file to at most this size. */
  void truncate(long size) throws IOException;

  /** Returns once the content survives a power cut. */
  void force() throws IOException;

  /** The size in bytes. */
  long size() throws IOException;

  @Override
  void close() throws IOException;
}
