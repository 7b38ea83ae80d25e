package io.skerry.agent.model;

import io.skerry.agent.model.ModelStatistics.Batch;
import io.skerry.agent.model.ModelStatistics.Sum;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** Counts of one version. Written by every prediction, so nothing here waits. */
final class ModelCounters {
  private final LongAdder answered = new LongAdder();
  private final LongAdder runs = new LongAdder();
  private final LongAdder items = new LongAdder();
  private final LongAdder wholeNanos = new LongAdder();
  private final LongAdder queueNanos = new LongAdder();
  private final LongAdder inputNanos = new LongAdder();
  private final LongAdder inferNanos = new LongAdder();
  private final LongAdder outputNanos = new LongAdder();
  private final LongAdder broken = new LongAdder();
  private final LongAdder suspect = new LongAdder();
  private final LongAdder rejected = new LongAdder();
  private final LongAdder cancelled = new LongAdder();
  private final LongAdder failedNanos = new LongAdder();
  private final AtomicInteger batchSizes = new AtomicInteger();
  private final Map<Integer, BatchCounters> batches = new ConcurrentHashMap<>();
  private volatile long lastMillis;

  private static final class BatchCounters {
    private final LongAdder count = new LongAdder();
    private final LongAdder inputNanos = new LongAdder();
    private final LongAdder inferNanos = new LongAdder();
    private final LongAdder outputNanos = new LongAdder();
  }

  /**
   * One prediction was answered.
   *
   * @param received when the whole request was in, as of {@link System#nanoTime}; so are the others
   * @param started when its work started
   * @param begun when the call was given to the engine
   * @param run what became of it there
   * @param encode when the answer's encoding started
   * @param done when the answer was encoded
   */
  void answered(
      long atMillis,
      int batch,
      long received,
      long started,
      long begun,
      EngineRun run,
      long encode,
      long done) {
    long input = begun - started;
    long infer = encode - begun - run.waitedNanos();
    long output = done - encode;
    answered.increment();
    items.add(batch);
    wholeNanos.add(done - received);
    queueNanos.add(started - received + run.waitedNanos());
    inputNanos.add(input);
    inferNanos.add(infer);
    outputNanos.add(output);
    if (run.counts()) {
      ran(run.items() > 0 ? (int) run.items() : batch, input, infer, output);
    }
    if (lastMillis < atMillis) {
      lastMillis = atMillis;
    }
  }

  // Of calls that were run together the first tells how long each part took.
  private void ran(int batch, long input, long infer, long output) {
    runs.increment();
    BatchCounters size = batches.get(batch);
    if (size == null) {
      size = firstOf(batch);
    }
    if (size != null) {
      size.count.increment();
      size.inputNanos.add(input);
      size.inferNanos.add(infer);
      size.outputNanos.add(output);
    }
  }

  // A client chooses batch sizes, so their number is bounded.
  private @Nullable BatchCounters firstOf(int batch) {
    if (batchSizes.get() >= ModelStatistics.BATCH_SIZES_MAX) {
      return batches.get(batch);
    }
    synchronized (batches) {
      BatchCounters known = batches.get(batch);
      if (known == null && batchSizes.get() < ModelStatistics.BATCH_SIZES_MAX) {
        known = new BatchCounters();
        batches.put(batch, known);
        batchSizes.incrementAndGet();
      }
      return known;
    }
  }

  /** The engine failed. */
  void broke(long nanos) {
    broken.increment();
    failedNanos.add(nanos);
  }

  /** An answer that was given is no number. */
  void suspect() {
    suspect.increment();
  }

  long suspects() {
    return suspect.sum();
  }

  /** A request was refused by the queue, or for want of memory. */
  void rejected(long nanos) {
    rejected.increment();
    failedNanos.add(nanos);
  }

  /** The client went before there was an answer. */
  void cancelled(long nanos) {
    cancelled.increment();
    failedNanos.add(nanos);
  }

  long answered() {
    return answered.sum();
  }

  long broken() {
    return broken.sum();
  }

  ModelStatistics snapshot() {
    long count = answered.sum();
    TreeMap<Integer, Batch> sizes = new TreeMap<>();
    batches.forEach(
        (size, batch) -> {
          long times = batch.count.sum();
          sizes.put(
              size,
              new Batch(
                  new Sum(times, batch.inputNanos.sum()),
                  new Sum(times, batch.inferNanos.sum()),
                  new Sum(times, batch.outputNanos.sum())));
        });
    return new ModelStatistics(
        lastMillis,
        items.sum(),
        runs.sum(),
        new Sum(count, wholeNanos.sum()),
        new Sum(broken.sum() + rejected.sum() + cancelled.sum(), failedNanos.sum()),
        new Sum(count, queueNanos.sum()),
        new Sum(count, inputNanos.sum()),
        new Sum(count, inferNanos.sum()),
        new Sum(count, outputNanos.sum()),
        rejected.sum(),
        cancelled.sum(),
        sizes);
  }
}
