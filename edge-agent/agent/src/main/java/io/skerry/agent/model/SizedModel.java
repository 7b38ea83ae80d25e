package io.skerry.agent.model;

import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * A model of which it is known what it took of the C library's memory while it was loaded, and in
 * its first run before it serves, in which an engine makes much of what it keeps. What else the
 * process did meanwhile counts, too. Whoever serves it unwraps it: a prediction passes through
 * nothing of this. Thread-safe.
 */
final class SizedModel extends WrappedModel {
  private final Supplier<OptionalLong> inUse;
  private final AtomicBoolean ran = new AtomicBoolean();
  private final AtomicLong bytes = new AtomicLong();

  /**
   * The same model with its size.
   *
   * @param inUse bytes that the process uses
   * @param loading what loading it took
   */
  SizedModel(LoadedModel model, Supplier<OptionalLong> inUse, long loading) {
    super(model);
    this.inUse = inUse;
    this.bytes.set(loading);
  }

  /** What is run, without its size. */
  static LoadedModel unwrapped(LoadedModel model) {
    return model instanceof SizedModel sized ? sized.model : model;
  }

  /** Bytes that a model took so far; empty where nobody knows. */
  static OptionalLong bytes(LoadedModel model) {
    return model instanceof SizedModel sized
        ? OptionalLong.of(sized.bytes.get())
        : OptionalLong.empty();
  }

  @Override
  public List<Tensor> run(List<Tensor> inputs, RunScope scope) throws EngineException {
    if (!ran.compareAndSet(false, true)) {
      return model.run(inputs, scope);
    }
    OptionalLong before = inUse.get();
    List<Tensor> outputs = model.run(inputs, scope);
    OptionalLong after = inUse.get();
    if (before.isPresent() && after.isPresent()) {
      bytes.addAndGet(Math.max(0, after.getAsLong() - before.getAsLong()));
    }
    return outputs;
  }
}
