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
 * its first run, in which an engine makes much of what it keeps. What else the process did
 * meanwhile counts, too. Thread-safe.
 */
final class SizedModel extends WrappedModel {
  private final Supplier<OptionalLong> inUse;
  private final AtomicBoolean ran = new AtomicBoolean();
  private final AtomicLong bytes = new AtomicLong();

  private SizedModel(LoadedModel model, Supplier<OptionalLong> inUse, long bytes) {
    super(model);
    this.inUse = inUse;
    this.bytes.set(bytes);
  }

  /**
   * The same model with its size, where that can be told.
   *
   * @param inUse bytes that the process uses
   * @param before what it used before the model was loaded
   */
  static LoadedModel of(LoadedModel model, Supplier<OptionalLong> inUse, OptionalLong before) {
    OptionalLong after = inUse.get();
    return before.isEmpty() || after.isEmpty()
        ? model
        : new SizedModel(model, inUse, Math.max(0, after.getAsLong() - before.getAsLong()));
  }

  @Override
  public List<Tensor> run(List<Tensor> inputs, RunScope scope) throws EngineException {
    if (ran.get() || !ran.compareAndSet(false, true)) {
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

  @Override
  public OptionalLong memoryBytes() {
    return OptionalLong.of(bytes.get());
  }
}
