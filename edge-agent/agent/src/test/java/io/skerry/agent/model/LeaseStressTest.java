package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** At least a million runs against ten thousand swaps: no run ever meets a closed model. */
class LeaseStressTest {
  private static final ModelName NAME = new ModelName("m");
  private static final SlotId MAIN = new SlotId("main");
  private static final int RUNS = 1_000_000;
  private static final int SWAPS_MIN = 10_000;
  private static final int THREADS = 4;

  private final AtomicInteger open = new AtomicInteger();
  private final AtomicInteger met = new AtomicInteger();
  private final AtomicBoolean ended = new AtomicBoolean();

  @Test
  void closingNeverMeetsARun() throws Exception {
    ModelSlots slots = new ModelSlots(Runnable::run);
    AtomicLong runs = new AtomicLong();
    long version = 1;
    slots.activate(MAIN, serving(version));
    List<FutureTask<Boolean>> runners = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      FutureTask<Boolean> runner =
          new FutureTask<>(
              () -> {
                while (!ended.get()) {
                  runs.incrementAndGet();
                  try (ModelLease lease = slots.acquire(NAME, Optional.empty()).orElseThrow()) {
                    lease.run(List.of());
                  }
                }
                return true;
              });
      runners.add(runner);
      Thread.ofPlatform().daemon().start(runner);
    }

    while (runs.get() < RUNS || version < SWAPS_MIN) {
      version++;
      slots.activate(MAIN, serving(version));
    }

    ended.set(true);
    for (FutureTask<Boolean> runner : runners) {
      assertThat(runner.get()).isTrue();
    }
    slots.close();
    assertThat(met).hasValue(0);
    assertThat(open).as("every version was closed").hasValue(0);
  }

  private ServingModel serving(long version) {
    open.incrementAndGet();
    return new ServingModel(
        MAIN, new ModelVersion(NAME, version), Digest.of(new byte[0]), new Watchful());
  }

  /** Notices when a run and its closing overlap. */
  private final class Watchful implements LoadedModel {
    private final AtomicInteger running = new AtomicInteger();
    private volatile boolean closed;

    @Override
    public String engine() {
      return "watchful";
    }

    @Override
    public ModelSignature signature() {
      return new ModelSignature(
          List.of(new TensorSpec("x", ElementType.FP32, List.of(1L))), List.of());
    }

    @Override
    public List<String> providers() {
      return List.of();
    }

    @Override
    public List<Tensor> run(List<Tensor> inputs) throws EngineException {
      running.incrementAndGet();
      if (closed) {
        met.incrementAndGet();
      }
      Thread.onSpinWait();
      if (closed) {
        met.incrementAndGet();
      }
      running.decrementAndGet();
      return List.of();
    }

    @Override
    public void close() {
      if (running.get() > 0 || closed) {
        met.incrementAndGet();
      }
      closed = true;
      open.decrementAndGet();
    }
  }
}
