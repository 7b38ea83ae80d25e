package io.skerry.e2e.fault;

import io.skerry.e2e.scene.Lab;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;

/** Lets faults happen, several at a time where they may: most of each is waiting. */
public final class FaultRunner implements AutoCloseable {
  private final Lab lab;
  private final Fault.Depth depth;
  private final ExecutorService together;

  /**
   * Makes a runner.
   *
   * @param parallel faults at a time
   */
  public FaultRunner(Lab lab, Fault.Depth depth, int parallel) {
    this.lab = lab;
    this.depth = depth;
    this.together = Executors.newFixedThreadPool(parallel);
  }

  /** An ended fault. */
  public record Ended(Fault fault, Outcome outcome) {}

  /**
   * Starts every fault: those that may happen together first, then the others one by one.
   *
   * @param told of each that ended
   */
  public Map<Fault, CompletableFuture<Outcome>> start(List<Fault> faults, Consumer<Ended> told) {
    Map<Fault, CompletableFuture<Outcome>> outcomes = new LinkedHashMap<>();
    for (Fault fault : faults) {
      if (!fault.isAlone()) {
        outcomes.put(fault, CompletableFuture.supplyAsync(() -> happen(fault, told), together));
      }
    }
    CompletableFuture<?> before =
        CompletableFuture.allOf(outcomes.values().toArray(CompletableFuture[]::new));
    for (Fault fault : faults) {
      if (fault.isAlone()) {
        CompletableFuture<Outcome> outcome =
            before.handleAsync((ended, failure) -> happen(fault, told), together);
        outcomes.put(fault, outcome);
        before = outcome;
      }
    }
    return outcomes;
  }

  private Outcome happen(Fault fault, Consumer<Ended> told) {
    try {
      Outcome outcome = fault.happen(lab, depth);
      told.accept(new Ended(fault, outcome));
      return outcome;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  @Override
  public void close() {
    together.shutdownNow();
  }
}
