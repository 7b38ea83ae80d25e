package io.skerry.agent.model;

import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;

/** The right to run one version until the lease is closed; a swap meanwhile waits for it. */
public final class ModelLease implements AutoCloseable {
  private final ServingModel model;
  private final Executor closer;
  private final AtomicBoolean returned = new AtomicBoolean();

  ModelLease(ServingModel model, Executor closer) {
    this.model = model;
    this.closer = closer;
  }

  /** The version. */
  public ServingModel model() {
    return model;
  }

  /**
   * Runs the version once, outside its counters: for golden inputs and measurements.
   *
   * @throws EngineException if a tensor does not fit the signature, or the run fails
   * @throws IllegalStateException if the lease was closed
   */
  public List<Tensor> run(List<Tensor> inputs) throws EngineException {
    if (returned.get()) {
      throw new IllegalStateException("the lease of " + model.ref() + " is closed");
    }
    return model.loaded().run(inputs);
  }

  /** A step that ran, and is counted once it is known that what it is a step of goes on. */
  record Step(ServingModel model, EngineRun run, int items, long at, long start, long end) {
    /** Counts it, and judges it while its version is on probation. */
    void count() {
      model.counters().answered(at, items, start, start, start, run, end, end);
      model.judge(run.outputs());
    }
  }

  /**
   * Runs the version once, as a step of something larger; a run that fails is counted here.
   *
   * @throws EngineException as {@link #run}, never for an input: what a step is given is no
   *     client's fault
   */
  Step runStep(List<Tensor> inputs, RunScope scope) throws EngineException {
    long start = System.nanoTime();
    try {
      EngineRun run = model.run(inputs, scope);
      long end = System.nanoTime();
      return new Step(model, run, model.items(inputs), System.currentTimeMillis(), start, end);
    } catch (EngineException e) {
      if (e.reason() == Reason.STOPPED) {
        model.counters().cancelled(System.nanoTime() - start);
        throw e;
      }
      if (e.reason() == Reason.MUST_WAIT) {
        throw e;
      }
      model.counters().broke(System.nanoTime() - start);
      throw new EngineException(
          e.reason() == Reason.INPUT_INVALID ? Reason.RUN_FAILED : e.reason(),
          "step %s: %s".formatted(model.version(), e.getMessage()),
          e);
    }
  }

  /**
   * The version, held once more: for a registry that lets it answer again.
   *
   * @throws IllegalStateException if the lease was closed
   */
  public ServingModel keepServing() {
    if (returned.get() || !model.tryHold()) {
      throw new IllegalStateException("the lease of " + model.ref() + " is closed");
    }
    return model;
  }

  @Override
  public void close() {
    if (returned.compareAndSet(false, true)) {
      model.release(closer);
    }
  }
}
