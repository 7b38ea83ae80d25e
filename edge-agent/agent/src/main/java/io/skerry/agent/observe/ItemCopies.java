package io.skerry.agent.observe;

import io.skerry.telemetry.sketch.MonitoringPlan;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Room for items of one version that wait to be measured by the consumer, since what a client gave
 * is its own again once it has its answer. What is given back the next one takes: once there are as
 * many as ever wait, copying allocates nothing. Where versions find no room, {@link #share} gives
 * each its part. For any thread.
 */
final class ItemCopies {
  /** Bytes that items of all versions wait in together. */
  static final int BYTES_MAX = 12 << 20;

  /** Items that wait at a time. */
  static final int KEPT_MAX = 256;

  private final int itemBytes;
  private final Semaphore bytesFree;
  private volatile boolean closed;
  // Since room was shared last.
  private volatile boolean asked;
  private volatile boolean refused;
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
    asked = true;
    for (int place = 0; place < KEPT_MAX; place++) {
      ByteBuffer copy = kept.get(place) == null ? null : kept.getAndSet(place, null);
      if (copy != null) {
        return copy;
      }
    }
    if (itemBytes > BYTES_MAX) {
      return null;
    }
    if (!bytesFree.tryAcquire(itemBytes)) {
      refused = true;
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
    keepAtMost(0);
  }

  private void keepAtMost(int bytes) {
    int left = bytes;
    for (int place = 0; place < KEPT_MAX; place++) {
      if (kept.get(place) == null) {
        continue;
      }
      if (left >= itemBytes) {
        left -= itemBytes;
      } else if (kept.getAndSet(place, null) != null) {
        bytesFree.release(itemBytes);
      }
    }
  }

  /**
   * Where one found no room since the last call: those that asked for room since then keep an equal
   * part each of what no item waits in, the others nothing. A burst of one version would else take
   * the room of all others for good.
   *
   * @param all that share the same bytes
   */
  static void share(List<ItemCopies> all) {
    if (all.stream().noneMatch(one -> one.refused)) {
      return;
    }
    int asking = Math.toIntExact(all.stream().filter(one -> one.asked).count());
    for (ItemCopies one : all) {
      one.keepAtMost(one.asked ? BYTES_MAX / Math.max(1, asking) : 0);
      one.asked = false;
      one.refused = false;
    }
  }
}
