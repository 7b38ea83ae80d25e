package io.skerry.agent.observe;

import io.skerry.telemetry.sketch.MonitoringPlan;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Room for items of one version that wait to be measured by the consumer, since what a client gave
 * is its own again once it has its answer. What is given back the next one takes: once there are as
 * many as ever wait, copying allocates nothing. For any thread.
 */
final class ItemCopies {
  /** Bytes that items of all versions wait in together. */
  static final int BYTES_MAX = 12 << 20;

  /** Items that wait at a time. */
  static final int KEPT_MAX = 256;

  private final int itemBytes;
  private final Semaphore bytesFree;
  private volatile boolean closed;
  private final AtomicReferenceArray<@Nullable ByteBuffer> kept =
      new AtomicReferenceArray<>(KEPT_MAX);

  /**
   * @param bytesFree of {@link #BYTES_MAX}, which all versions share
   */
  ItemCopies(MonitoringPlan plan, Semaphore bytesFree) {
    this.itemBytes = plan.isMeasured() ? plan.inputBytesNeeded() : 0;
    this.bytesFree = bytesFree;
  }

  /** Room for an item; null when there is none, or no memory for it. */
  @Nullable ByteBuffer take() {
    for (int place = 0; place < KEPT_MAX; place++) {
      ByteBuffer copy = kept.get(place) == null ? null : kept.getAndSet(place, null);
      if (copy != null) {
        return copy;
      }
    }
    if (itemBytes > BYTES_MAX || !bytesFree.tryAcquire(itemBytes)) {
      return null;
    }
    try {
      return ByteBuffer.allocate(itemBytes).order(ByteOrder.LITTLE_ENDIAN);
    } catch (OutOfMemoryError e) {
      bytesFree.release(itemBytes);
      return null;
    }
  }

  void giveBack(ByteBuffer copy) {
    for (int place = 0; place < KEPT_MAX && !closed; place++) {
      if (kept.get(place) == null && kept.compareAndSet(place, null, copy)) {
        if (closed) {
          clear();
        }
        return;
      }
    }
    bytesFree.release(itemBytes);
  }

  /** Keeps none from now on: the version is watched no more, though items of it may still wait. */
  void close() {
    closed = true;
    clear();
  }

  /** Lets go of those that no item waits in. */
  void clear() {
    for (int place = 0; place < KEPT_MAX; place++) {
      if (kept.get(place) != null && kept.getAndSet(place, null) != null) {
        bytesFree.release(itemBytes);
      }
    }
  }
}
