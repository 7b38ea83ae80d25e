package io.skerry.agent.uplink;

import com.google.protobuf.ByteString;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What arrived and was not looked at yet: per topic the newest few, so that the newest document is
 * never lost to a backlog. Putting never waits. Thread-safe.
 */
final class Inbox {
  /** Messages kept of one topic. */
  static final int PER_TOPIC_MAX = 16;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Map<String, Integer> counts = new HashMap<>();
  private final Deque<Message> waiting = new ArrayDeque<>();
  private Optional<Loss> loss = Optional.empty();

  /** A message of one of the topics that were subscribed to. */
  record Message(String topic, ByteString payload) {}

  /** The connection is gone. */
  record Loss(int reasonCode, String text) {}

  /** Takes messages of these topics only: no other can come from a broker that works. */
  Inbox(List<String> topics) {
    topics.forEach(topic -> counts.put(topic, 0));
  }

  void put(String topic, byte[] payload) {
    lock.lock();
    try {
      Integer count = counts.get(topic);
      if (count == null) {
        return;
      }
      if (count == PER_TOPIC_MAX) {
        removeOldest(topic);
      } else {
        counts.put(topic, count + 1);
      }
      waiting.addLast(new Message(topic, ByteString.copyFrom(payload)));
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** The first loss counts. */
  void lost(Loss how) {
    lock.lock();
    try {
      if (loss.isEmpty()) {
        loss = Optional.of(how);
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  Optional<Loss> loss() {
    lock.lock();
    try {
      return loss;
    } finally {
      lock.unlock();
    }
  }

  /** The oldest message; none when none came within the time, or the connection was lost. */
  Optional<Message> poll(long millis) throws InterruptedException {
    lock.lock();
    try {
      long nanos = TimeUnit.MILLISECONDS.toNanos(millis);
      while (waiting.isEmpty() && loss.isEmpty() && nanos > 0) {
        nanos = changed.awaitNanos(nanos);
      }
      Optional<Message> oldest = Optional.ofNullable(waiting.pollFirst());
      oldest.ifPresent(message -> counts.merge(message.topic(), -1, Integer::sum));
      return oldest;
    } finally {
      lock.unlock();
    }
  }

  private void removeOldest(String topic) {
    Iterator<Message> messages = waiting.iterator();
    while (messages.hasNext()) {
      if (messages.next().topic().equals(topic)) {
        messages.remove();
        return;
      }
    }
  }
}
