package io.skerry.control.ingest;

import io.skerry.control.sql.Transaction;
import io.skerry.wire.fleet.v1.Feedback;
import io.skerry.wire.fleet.v1.Record;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Which records of a batch are of somebody who was erased after they were made: spools and brokers
 * keep records that no erasure reaches, and send them later.
 */
final class ErasedRecords {
  private final Map<String, Instant> devices;
  private final List<OfSubject> ofSubjects = new ArrayList<>();
  private int count;

  private record OfSubject(String subject, Instant at, List<Object> rows) {}

  /**
   * @param devices until when they were erased, of those that were
   */
  ErasedRecords(Map<String, Instant> devices) {
    this.devices = Map.copyOf(devices);
  }

  /** Whether a record's device was erased after it was made; it is counted then. */
  boolean takes(String device, Record record) {
    Instant until = devices.get(device);
    if (until == null || madeMillis(record) > until.toEpochMilli()) {
      return false;
    }
    count++;
    return true;
  }

  // A window that began before holds something of before.
  private static long madeMillis(Record record) {
    return switch (record.getBodyCase()) {
      case WINDOW -> record.getWindow().getStartMillis();
      case FEEDBACK -> madeMillis(record.getFeedback());
      case SAMPLE, EVENT -> record.getAtMillis();
      case BODY_NOT_SET -> Long.MAX_VALUE;
    };
  }

  private static long madeMillis(Feedback feedback) {
    return feedback.getPredictedAtMillis() > 0
        ? Math.min(feedback.getPredictedAtMillis(), feedback.getOutcomeAtMillis())
        : feedback.getOutcomeAtMillis();
  }

  /**
   * Remembers whose a record is.
   *
   * @param rows what is made of it, to be dropped should its subject have been erased since
   */
  void of(String subject, Record record, Object... rows) {
    if (!subject.isEmpty()) {
      ofSubjects.add(
          new OfSubject(subject, Instant.ofEpochMilli(madeMillis(record)), List.of(rows)));
    }
  }

  /** Rows of subjects that were erased after they were made, by identity; they are counted then. */
  Set<Object> dropped(Transaction transaction) {
    Set<Object> dropped = Collections.newSetFromMap(new IdentityHashMap<>());
    Map<String, Instant> erased =
        ErasureOrders.ofSubjects(
            transaction, ofSubjects.stream().map(OfSubject::subject).collect(Collectors.toSet()));
    for (OfSubject one : ofSubjects) {
      Instant until = erased.get(one.subject());
      if (until != null && !one.at().isAfter(until)) {
        dropped.addAll(one.rows());
        count++;
      }
    }
    ofSubjects.clear();
    return dropped;
  }

  /** How many records were taken out. */
  int count() {
    return count;
  }
}
