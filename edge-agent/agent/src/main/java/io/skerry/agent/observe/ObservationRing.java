package io.skerry.agent.observe;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Consumer;

/**
 * A bounded queue of preallocated slots for many producers and one consumer; never blocks. Each
 * slot carries a ticket: equal to a position when the slot is free for it, one more when it is
 * filled (Vyukov's bounded queue).
 */
final class ObservationRing {
  /** Monitored values that slots keep room for all together: 12 MiB. */
  static final int KEPT_FLOATS = 3 << 20;

  /** Those of wider observations, which are let go again, between two times that it is emptied. */
  static final int FLYING_FLOATS = 2 << 20;

  private final Observation[] slots;
  private final AtomicLongArray tickets;
  private final AtomicLong tail = new AtomicLong();
  private final int mask;
  private final int keptFeatures;
  private final AtomicInteger flying = new AtomicInteger();
  private long head;

  /**
   * @param capacity a power of two
   */
  ObservationRing(int capacity) {
    if (Integer.bitCount(capacity) != 1) {
      throw new IllegalArgumentException("capacity %d is no power of two".formatted(capacity));
    }
    slots = new Observation[capacity];
    tickets = new AtomicLongArray(capacity);
    mask = capacity - 1;
    keptFeatures = KEPT_FLOATS / capacity;
    for (int i = 0; i < capacity; i++) {
      slots[i] = new Observation();
      tickets.set(i, i);
    }
  }

  /**
   * Takes the next free slot, to be filled and given on with {@link #publish} whatever happens: or
   * the consumer would wait for it for ever.
   *
   * @return its position; -1 when the ring is full
   */
  long claim() {
    while (true) {
      long position = tail.get();
      long ticket = tickets.get((int) position & mask);
      if (ticket < position) {
        return -1;
      }
      if (ticket == position && tail.compareAndSet(position, position + 1)) {
        return position;
      }
    }
  }

  /**
   * Like {@link #claim()}, with room for so many monitored values: what is wide is bounded, too.
   */
  long claim(int features) {
    boolean wide = features > keptFeatures;
    if (wide && flying.addAndGet(features) > FLYING_FLOATS) {
      flying.addAndGet(-features);
      return -1;
    }
    long position = claim();
    boolean made = false;
    try {
      if (position >= 0) {
        slot(position).widen(features);
        made = true;
      }
    } finally {
      if (wide && !made) {
        flying.addAndGet(-features);
      }
      if (position >= 0 && !made) {
        publish(position);
      }
    }
    return position;
  }

  /** The slot of a claimed position. */
  Observation slot(long position) {
    return slots[(int) position & mask];
  }

  /** Gives a slot to the consumer. */
  void publish(long position) {
    tickets.set((int) position & mask, position + 1);
  }

  /** Empties what is filled now, oldest first; by one thread at a time. */
  int drain(Consumer<Observation> consumer) {
    int drained = 0;
    while (drained < slots.length) {
      int index = (int) head & mask;
      if (tickets.get(index) != head + 1) {
        return drained;
      }
      Observation slot = slots[index];
      try {
        consumer.accept(slot);
      } finally {
        slot.clear();
        flying.addAndGet(-slot.narrow(keptFeatures));
        tickets.set(index, head + slots.length);
        head++;
      }
      drained++;
    }
    return drained;
  }
}
