package io.skerry.agent.model;

import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.InputCheck;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model whose clients choose how large their inputs are, so that one valid request could ask for
 * more memory than there is. What a run takes is measured on this very device: a call larger than
 * all before is led up to by smaller runs on zeros, each at most {@value RunGrowth#STEP} times as
 * large as the one before, until what it will take is known well enough to let it run or to refuse
 * it. Where no smaller run tells anything, it runs alone and is measured itself. Calls that are
 * small by that measure go straight to the engine; what larger ones take is given back after them.
 *
 * <p>Thread-safe.
 */
final class MeasuredRuns extends WrappedModel {
  /** Runs that take less go straight to the engine: {@link MemoryRoom} keeps that much free. */
  static final long SMALL_BYTES = MemoryRoom.RESERVE_BYTES;

  /** What a run that takes more took is given back; taking less anew each time costs more. */
  static final long KEPT_BYTES = 4 * MemoryRoom.RESERVE_BYTES;

  private static final Logger log = LoggerFactory.getLogger(MeasuredRuns.class);

  private final RunRoom room;
  private final PeakMemory memory;
  private volatile long smallInputs;
  private volatile Optional<RunGrowth> measured = Optional.empty();

  private MeasuredRuns(LoadedModel model, RunRoom room, PeakMemory memory) {
    super(model);
    this.room = room;
    this.memory = memory;
    this.smallInputs = SmallerInputs.zeroBytes(model.signature().inputs(), smallest());
  }

  /** The same model; measured, when its inputs can have more than one size and that can be done. */
  static LoadedModel of(LoadedModel model, RunRoom room, PeakMemory memory) {
    return isOpen(model.signature().inputs()) && memory.begin().grown().isPresent()
        ? new MeasuredRuns(model, room, memory)
        : model;
  }

  /**
   * Whether the values of inputs say how large a run is: inputs have one size, outputs have not.
   */
  static boolean isOpenByValue(ModelSignature signature) {
    return !isOpen(signature.inputs()) && isOpen(signature.outputs());
  }

  /** Whether one of these can have more than one size. */
  private static boolean isOpen(List<TensorSpec> specs) {
    return specs.stream().anyMatch(spec -> spec.type().bytes() == 0 || spec.shape().contains(-1L));
  }

  @Override
  public List<Tensor> run(List<Tensor> inputs, RunScope scope) throws EngineException {
    long bytes = bytes(inputs);
    return bytes <= smallInputs ? model.run(inputs, scope) : runLarge(inputs, bytes, scope);
  }

  // Without an iterator: every call pays for this.
  private static long bytes(List<Tensor> inputs) {
    long bytes = 0;
    for (int i = 0; i < inputs.size(); i++) {
      bytes += inputs.get(i).data().remaining();
    }
    return bytes;
  }

  /** What is set aside for a run, and whether it is measured; it is alone then. */
  private record Admission(long forecast, boolean measures) {}

  private List<Tensor> runLarge(List<Tensor> inputs, long bytes, RunScope scope)
      throws EngineException {
    InputCheck.requireFit(signature(), inputs);
    Admission admission = enter(inputs, bytes, scope);
    boolean givesBack = admission.measures || admission.forecast > KEPT_BYTES;
    try {
      if (!admission.measures) {
        return run(inputs, scope, givesBack);
      }
      giveBack(scope);
      PeakMemory.Since since = memory.begin();
      List<Tensor> outputs = run(inputs, scope, true);
      learn(measured, bytes, since.grown(), 1);
      return outputs;
    } finally {
      room.leave(admission.forecast);
      if (givesBack) {
        NativeMemory.trim();
      }
    }
  }

  private Admission enter(List<Tensor> inputs, long bytes, RunScope scope) throws EngineException {
    Optional<RunGrowth> known = measured;
    try {
      if (known.map(growth -> growth.isFarFrom(bytes)).orElse(true)) {
        known = leadUpTo(inputs, bytes, false, scope);
      }
      return enter(known, bytes, scope);
    } catch (EngineException e) {
      if (e.reason() != Reason.NO_ROOM || measured.map(RunGrowth::isSure).orElse(true)) {
        throw e;
      }
      // That one call may have been measured together with whatever else went on.
      known = leadUpTo(inputs, bytes, true, scope);
      if (known.isEmpty()) {
        throw e;
      }
      return enter(known, bytes, scope);
    }
  }

  private Admission enter(Optional<RunGrowth> known, long bytes, RunScope scope)
      throws EngineException {
    Admission admission =
        new Admission(
            forecast(known, bytes), known.map(growth -> isNews(growth, bytes)).orElse(true));
    room.enter(admission.forecast, admission.measures, scope);
    return admission;
  }

  // The first count of a size may hold what others did meanwhile.
  private static boolean isNews(RunGrowth known, long bytes) {
    return bytes > known.inputs() || (bytes == known.inputs() && !known.isSure());
  }

  private static long forecast(Optional<RunGrowth> known, long bytes) {
    return known.map(growth -> growth.forecast(bytes)).orElse(0L);
  }

  private List<Tensor> run(List<Tensor> inputs, RunScope scope, boolean givesBack)
      throws EngineException {
    scope.giveBack(givesBack);
    try {
      return model.run(inputs, scope);
    } finally {
      scope.giveBack(false);
    }
  }

  /** What runs before left with the engine would hide what the next one takes. */
  private void giveBack(RunScope scope) throws EngineException {
    List<List<Long>> shapes = smallest();
    List<Tensor> inputs = new ArrayList<>();
    try {
      for (int i = 0; i < shapes.size(); i++) {
        inputs.add(SmallerInputs.zeros(signature().inputs().get(i), shapes.get(i)));
      }
      runAside(inputs, scope);
    } catch (EngineException | RuntimeException e) {
      requireWanted(scope, e);
      log.atDebug().addKeyValue("engine", engine()).setCause(e).log("no smallest run");
    } catch (OutOfMemoryError e) {
      throw noRoom(SmallerInputs.zeroBytes(signature().inputs(), shapes), e);
    }
  }

  /** Shapes of the smallest inputs. */
  private List<List<Long>> smallest() {
    return signature().inputs().stream()
        .map(spec -> spec.shape().stream().map(dimension -> Math.max(1, dimension)).toList())
        .toList();
  }

  /**
   * Runs smaller than a call, larger and larger, until the call is one step away.
   *
   * @param anew whether what is known is not believed
   * @return what is known then; empty when none of them could be run
   */
  private Optional<RunGrowth> leadUpTo(
      List<Tensor> inputs, long bytes, boolean anew, RunScope scope) throws EngineException {
    List<SmallerInputs> sizes = SmallerInputs.of(signature(), inputs);
    boolean believed = !anew;
    long reached = 0;
    while (true) {
      Optional<RunGrowth> known = believed ? measured : Optional.empty();
      reached = Math.max(reached, known.map(RunGrowth::inputs).orElse(0L));
      Optional<SmallerInputs> next = next(sizes, reached);
      if (next.isEmpty() || !known.map(growth -> growth.isFarFrom(bytes)).orElse(true)) {
        return known;
      }
      believed |= counts(next.get(), known, scope);
      // One that cannot be run may be followed by one that can.
      reached = Math.max(reached, next.get().bytes());
    }
  }

  /** The largest within a step; the next one where there is none. */
  private static Optional<SmallerInputs> next(List<SmallerInputs> sizes, long reached) {
    Optional<SmallerInputs> next = Optional.empty();
    for (SmallerInputs size : sizes) {
      if (size.bytes() > reached && (next.isEmpty() || size.bytes() <= RunGrowth.STEP * reached)) {
        next = Optional.of(size);
      }
    }
    return next;
  }

  /** Whether such a run could be made and measured. */
  private boolean counts(SmallerInputs size, Optional<RunGrowth> known, RunScope scope)
      throws EngineException {
    long forecast = forecast(known, size.bytes());
    room.enter(forecast, true, scope);
    try {
      List<Tensor> inputs = size.tensors();
      giveBack(scope);
      // What else happens in this process only ever adds, so the smaller of two counts.
      OptionalLong one = grownBy(inputs, scope);
      OptionalLong two = grownBy(inputs, scope);
      return learn(
          known,
          size.bytes(),
          one.isPresent() && two.isPresent()
              ? OptionalLong.of(Math.min(one.getAsLong(), two.getAsLong()))
              : OptionalLong.empty(),
          2);
    } catch (EngineException | RuntimeException e) {
      requireWanted(scope, e);
      if (e instanceof EngineException engine
          && (engine.reason() == Reason.OUT_OF_MEMORY || engine.reason() == Reason.NO_ROOM)) {
        throw noRoom(size.bytes(), e);
      }
      log.atDebug().addKeyValue("engine", engine()).setCause(e).log("no smaller run");
      return false;
    } catch (OutOfMemoryError e) {
      throw noRoom(size.bytes(), e);
    } finally {
      room.leave(forecast);
    }
  }

  private static EngineException noRoom(long bytes, Throwable cause) {
    return new EngineException(
        Reason.NO_ROOM,
        "there is no memory even for a smaller run, on %d bytes of inputs: send less at a time"
            .formatted(bytes),
        cause);
  }

  private static void requireWanted(RunScope scope, Exception cause) throws EngineException {
    if (scope.isStopped()) {
      throw new EngineException(Reason.STOPPED, "stopped while its memory was measured", cause);
    }
  }

  private OptionalLong grownBy(List<Tensor> inputs, RunScope scope) throws EngineException {
    PeakMemory.Since since = memory.begin();
    runAside(inputs, scope);
    return since.grown();
  }

  /** Runs for a call, but not in its memory; stops when the call is stopped. */
  private void runAside(List<Tensor> inputs, RunScope scope) throws EngineException {
    try (RunScope aside = RunScope.lasting()) {
      scope.enter(aside::stop);
      try {
        run(inputs, aside, true);
      } finally {
        scope.leave();
      }
    }
  }

  /** Whether that could be told; only one run that is measured is under way at a time. */
  private boolean learn(Optional<RunGrowth> known, long bytes, OptionalLong grown, int times) {
    if (grown.isEmpty()) {
      // Where nothing can be told nothing is refused.
      smallInputs = Long.MAX_VALUE;
      return false;
    }
    RunGrowth now =
        known
            .map(growth -> growth.then(bytes, grown.getAsLong(), times))
            .orElseGet(() -> RunGrowth.first(bytes, grown.getAsLong(), times));
    measured = Optional.of(now);
    if (now.taken() < SMALL_BYTES) {
      smallInputs = Math.max(smallInputs, now.inputs());
    }
    log.atDebug()
        .addKeyValue("engine", engine())
        .addKeyValue("inputs", now.inputs())
        .addKeyValue("taken", now.taken())
        .log("memory of a run measured");
    return true;
  }
}
