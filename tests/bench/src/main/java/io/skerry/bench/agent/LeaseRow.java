package io.skerry.bench.agent;

import io.skerry.agent.bench.ModelInputs;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelLease;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ServingModel;
import io.skerry.bench.Claim;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Threads take leases and run a real engine while another thread puts a new session in the slot all
 * the time, so that the old one closes: a close that met a run would end this process.
 */
final class LeaseRow {
  static final String NAME = "close-against-run";
  private static final int RUNS = 1_000_000;
  private static final int THREADS = 4;
  private static final SlotId SLOT = new SlotId("main");
  private static final ModelName NAME_OF_MODEL = new ModelName("m");

  private LeaseRow() {}

  static List<Claim> measure(Image image, boolean quick) throws Exception {
    Path file = BenchModels.adding(image.scratch().resolve("lease/m.onnx"), 4, 1);
    EngineCatalog engines = EngineCatalog.discovered();
    AtomicLong runs = new AtomicLong();
    AtomicLong failures = new AtomicLong();
    AtomicBoolean ended = new AtomicBoolean();
    AtomicLong held = new AtomicLong();
    long met = 0;
    long wanted = quick ? RUNS / 10 : RUNS;
    long version = 0;
    try (ModelSlots slots = new ModelSlots()) {
      slots.activate(SLOT, loaded(engines, file, ++version));
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        threads.add(
            Thread.ofPlatform().start(() -> run(slots, runs, held, failures, wanted, ended)));
      }
      while (runs.get() < wanted && failures.get() == 0) {
        ServingModel next = loaded(engines, file, ++version);
        met += held.get() > 0 ? 1 : 0;
        slots.activate(SLOT, next);
      }
      ended.set(true);
      for (Thread thread : threads) {
        thread.join();
      }
    }
    return List.of(
        new Claim(
            NAME,
            "= 0",
            failures.get(),
            "crashes or failed runs",
            failures.get() == 0 && runs.get() >= wanted,
            "%d runs by %d threads against %d closes, %d of them while a run held what was closed"
                .formatted(runs.get(), THREADS, version, met)));
  }

  private static ServingModel loaded(EngineCatalog engines, Path file, long version)
      throws EngineException {
    return new ServingModel(
        SLOT,
        new ModelVersion(NAME_OF_MODEL, version),
        Digest.of(new byte[0]),
        engines.load(file, LoadOptions.DEFAULTS));
  }

  private static void run(
      ModelSlots slots,
      AtomicLong runs,
      AtomicLong held,
      AtomicLong failures,
      long wanted,
      AtomicBoolean ended) {
    List<Tensor> inputs = List.of();
    while (!ended.get() && runs.get() < wanted) {
      Optional<ModelLease> lease = slots.acquire(SLOT);
      held.incrementAndGet();
      try (ModelLease its = lease.orElseThrow()) {
        if (inputs.isEmpty()) {
          inputs = ModelInputs.zeros(its.model().signature());
        }
        if (its.run(inputs).getFirst().floats()[0] != 1) {
          failures.incrementAndGet();
        }
      } catch (EngineException | RuntimeException e) {
        failures.incrementAndGet();
      }
      held.decrementAndGet();
      runs.incrementAndGet();
    }
  }
}
