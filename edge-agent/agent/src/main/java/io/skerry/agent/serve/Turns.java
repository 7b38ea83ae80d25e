package io.skerry.agent.serve;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What waits, in the order in which it is served: the lowest priority number first; among those of
 * one number applications take turns, and each has its own served as they came.
 *
 * <p>Nobody is owed or owes anything: an application whose last one leaves or is served comes to
 * the end when it has another, so one that always has one more is before nobody who waits.
 */
final class Turns<T> {
  // By priority number; in each, whose turn it is comes first.
  private final NavigableMap<Integer, SequencedMap<String, Deque<T>>> waiting = new TreeMap<>();

  void add(int priority, String application, T work) {
    waiting
        .computeIfAbsent(priority, added -> new LinkedHashMap<>())
        .computeIfAbsent(application, added -> new ArrayDeque<>())
        .addLast(work);
  }

  /** Takes what is next. */
  @Nullable T poll() {
    Map.Entry<Integer, SequencedMap<String, Deque<T>>> lowest = waiting.firstEntry();
    if (lowest == null) {
      return null;
    }
    SequencedMap<String, Deque<T>> turns = lowest.getValue();
    Map.Entry<String, Deque<T>> turn = turns.pollFirstEntry();
    T next = turn.getValue().removeFirst();
    if (!turn.getValue().isEmpty()) {
      turns.putLast(turn.getKey(), turn.getValue());
    } else if (turns.isEmpty()) {
      waiting.remove(lowest.getKey());
    }
    return next;
  }

  /** Takes what is next of those that are such; whose turn it is stays so. */
  @Nullable T poll(Predicate<T> such) {
    for (Map.Entry<Integer, SequencedMap<String, Deque<T>>> one : waiting.entrySet()) {
      for (Map.Entry<String, Deque<T>> turn : one.getValue().entrySet()) {
        for (T work : turn.getValue()) {
          if (such.test(work)) {
            remove(one.getKey(), turn.getKey(), work);
            return work;
          }
        }
      }
    }
    return null;
  }

  /** Takes this out, if it still waits. */
  boolean remove(int priority, String application, T work) {
    SequencedMap<String, Deque<T>> turns = waiting.get(priority);
    Deque<T> its = turns == null ? null : turns.get(application);
    if (turns == null || its == null || !its.remove(work)) {
      return false;
    }
    if (its.isEmpty()) {
      turns.remove(application);
    }
    if (turns.isEmpty()) {
      waiting.remove(priority);
    }
    return true;
  }
}
