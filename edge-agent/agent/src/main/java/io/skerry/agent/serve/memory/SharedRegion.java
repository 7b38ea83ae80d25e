package io.skerry.agent.serve.memory;

import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import org.jspecify.annotations.Nullable;

/**
 * One registered region, mapped.
 *
 * <p>Its client can shrink the file and write into it at any time. So tensors are copied out before
 * an engine sees them and copied in after it is done; both copies fail, and nothing else does, when
 * memory has gone from under them.
 */
public final class SharedRegion {
  private final String name;
  private final String key;
  private final long offset;
  private final long bytes;
  private final Object identity;
  private final FileChannel file;
  private final Arena arena;
  private final MemorySegment memory;

  private SharedRegion(
      String name,
      String key,
      Object identity,
      long offset,
      long bytes,
      FileChannel file,
      Arena arena)
      throws IOException {
    this.name = name;
    this.key = key;
    this.identity = identity;
    this.offset = offset;
    this.bytes = bytes;
    this.file = file;
    this.arena = arena;
    this.memory = file.map(FileChannel.MapMode.READ_WRITE, offset, bytes, arena);
  }

  static SharedRegion map(
      String name, String key, Object identity, long offset, long bytes, FileChannel file)
      throws IOException {
    Arena arena = Arena.ofShared();
    try {
      return new SharedRegion(name, key, identity, offset, bytes, file, arena);
    } catch (IOException | RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  /** The client's name for it. */
  public String name() {
    return name;
  }

  /** The file's name. */
  public String key() {
    return key;
  }

  /** Which file that name was when it was mapped. */
  Object identity() {
    return identity;
  }

  /** Where it begins in the file, in bytes. */
  public long offset() {
    return offset;
  }

  /** Its size. */
  public long bytes() {
    return bytes;
  }

  /**
   * Copies bytes out.
   *
   * @param at offset in the region
   * @param target is filled from its position to its limit
   * @throws PredictException if that is not inside the region, or the memory has gone
   */
  public void read(long at, ByteBuffer target) throws PredictException {
    int length = target.remaining();
    requireInside(at, length);
    copy(() -> MemorySegment.copy(memory, at, MemorySegment.ofBuffer(target), 0, length));
  }

  /**
   * Copies bytes in.
   *
   * @param at offset in the region
   * @param source from its position to its limit
   * @throws PredictException if that is not inside the region, or the memory has gone
   */
  public void write(long at, ByteBuffer source) throws PredictException {
    int length = source.remaining();
    requireInside(at, length);
    copy(() -> MemorySegment.copy(MemorySegment.ofBuffer(source), 0, memory, at, length));
  }

  /**
   * Checks a part of the region.
   *
   * @throws PredictException if it is not inside
   */
  public void requireInside(long at, long length) throws PredictException {
    if (at < 0 || at > bytes) {
      throw new PredictException(
          Code.INVALID_ARGUMENT,
          "Invalid offset for shared memory region: '%s': %s of %d bytes"
              .formatted(name, Long.toUnsignedString(at), bytes));
    }
    if (length < 0 || length > bytes - at) {
      throw new PredictException(
          Code.INVALID_ARGUMENT,
          "Invalid offset + byte size for shared memory region: '%s': %d + %s of %d bytes"
              .formatted(name, at, Long.toUnsignedString(length), bytes));
    }
  }

  private void copy(Runnable copy) throws PredictException {
    try {
      if (file.size() - offset < bytes) {
        throw gone(null);
      }
      copy.run();
    } catch (IOException | IllegalStateException | InternalError e) {
      // Closed meanwhile, or shrunk meanwhile: the JVM reports the bus error as an InternalError.
      throw gone(e);
    }
  }

  private PredictException gone(@Nullable Throwable cause) {
    String message =
        "shared memory region '%s' has gone: it was unregistered, or its file was made smaller"
            .formatted(name);
    return cause == null
        ? new PredictException(Code.INVALID_ARGUMENT, message)
        : new PredictException(Code.INVALID_ARGUMENT, message, cause);
  }

  void close() {
    arena.close();
    try {
      file.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
