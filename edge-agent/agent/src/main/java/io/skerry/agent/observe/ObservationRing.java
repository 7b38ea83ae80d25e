package io.skerry.agent.observe;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Consumer;

/**
 * A bounded queue of preallocated slots for many producers and one consumer; never blocks. Each
 * slot carries a ticket: equal to a position when the slot is free for it, one more when it is
 * filled (Vyukov's bounded queue).
 */
final class ObservationRing {
  private final Observation[] slots;
  private final AtomicLongArray tickets;
  private final AtomicLong tail = new AtomicLong();
  private final int mask;
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
    for (int i = 0; i < capacity; i++) {
      slots[i] = new Observation();
      tickets.set(i, i);
    }
  }

  /**
   * Fills the next slot.
   *
   * @return false when the ring is full; then {@code filler} was not called
   */
  boolean offer(Consumer<Observation> filler) {
    while (true) {
      long position = tail.get();
      int index = (int) position & mask;
      long ticket = tickets.get(index);
      if (ticket < position) {
        return false;
      }
      if (ticket == position && tail.compareAndSet(position, position + 1)) {
        Observation slot = slots[index];
        try {
          filler.accept(slot);
        } catch (RuntimeException e) {
          slot.clear();
          throw e;
        } finally {
          // A slot that was taken must be given on, or the consumer would wait for it for ever.
          tickets.set(index, position + 1);
        }
        return true;
      }
    }
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
        tickets.set(index, head + slots.length);
        head++;
      }
      drained++;
    }
    return drained;
  }
}
