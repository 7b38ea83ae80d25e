package io.skerry.runtime;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.List;
import java.util.stream.Stream;

/**
 * Direct memory that tensors of one call after the other lie in: taking a buffer again costs
 * nothing, making one costs its zeroing and a cleaner. Buffers come in powers of two. Thread-safe.
 */
public final class TensorPool {
  /** The smallest buffer. */
  static final int BYTES_MIN = 1 << 10;

  /** The largest buffer that is kept. */
  static final int BYTES_KEPT_MAX = 16 << 20;

  private static final int SMALLEST = Integer.numberOfTrailingZeros(BYTES_MIN);
  private static final int CLASSES = Integer.numberOfTrailingZeros(BYTES_KEPT_MAX) - SMALLEST + 1;

  private final long bytesIdleMax;
  private final List<ArrayDeque<ByteBuffer>> shelves =
      Stream.generate(ArrayDeque<ByteBuffer>::new).limit(CLASSES).toList();
  private long bytesIdle;

  /**
   * An empty pool.
   *
   * @param bytesIdleMax bytes of buffers that nobody uses and that are kept
   */
  public TensorPool(long bytesIdleMax) {
    this.bytesIdleMax = bytesIdleMax;
  }

  /** Begins a call. */
  public RunScope open() {
    return new RunScope(this);
  }

  /** Forgets every buffer that nobody uses. */
  public synchronized void clear() {
    shelves.forEach(ArrayDeque::clear);
    bytesIdle = 0;
  }

  /** Bytes of buffers that nobody uses. */
  public synchronized long bytesIdle() {
    return bytesIdle;
  }

  ByteBuffer take(int bytes) {
    if (bytes > BYTES_KEPT_MAX) {
      return allocate(bytes);
    }
    int shelf = shelf(bytes);
    synchronized (this) {
      ByteBuffer known = shelves.get(shelf).pollLast();
      if (known != null) {
        bytesIdle -= known.capacity();
        return known;
      }
    }
    return allocate(BYTES_MIN << shelf);
  }

  private ByteBuffer allocate(int bytes) {
    try {
      return ByteBuffer.allocateDirect(bytes);
    } catch (OutOfMemoryError e) {
      // What lies idle in other sizes is worth less than this call.
      clear();
      return ByteBuffer.allocateDirect(bytes);
    }
  }

  synchronized void give(ByteBuffer buffer) {
    int bytes = buffer.capacity();
    if (bytes <= BYTES_KEPT_MAX && bytesIdle + bytes <= bytesIdleMax) {
      shelves.get(shelf(bytes)).addLast(buffer);
      bytesIdle += bytes;
    }
  }

  private static int shelf(int bytes) {
    return bytes <= BYTES_MIN
        ? 0
        : Integer.SIZE - Integer.numberOfLeadingZeros(bytes - 1) - SMALLEST;
  }
}
