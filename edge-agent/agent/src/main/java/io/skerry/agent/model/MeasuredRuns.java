package io.skerry.agent.model;

import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.InputCheck;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model whose clients choose how large their inputs are, so that one valid request could ask for
 * more memory than there is. What a run takes is measured on this very device: a call larger than
 * all before is led up to by smaller runs on zeros, each {@value #STEP} times as large as the one
 * before, until what it will take is known well enough to let it run or to refuse it. Calls that
 * are small by that measure go straight to the engine; what larger ones take is given back after
 * them.
 *
 * <p>Thread-safe.
 */
final class MeasuredRuns implements LoadedModel {
  /** How many times larger than the largest that was measured a run may be. */
  static final int STEP = 4;

  /** Runs that take less go straight to the engine: {@link MemoryRoom} keeps that much free. */
  static final long SMALL_BYTES = MemoryRoom.RESERVE_BYTES;

  /** What a run that takes more took is given back; taking less anew each time costs more. */
  static final long KEPT_BYTES = 4 * MemoryRoom.RESERVE_BYTES;

  /** What may be missing in a measurement. */
  static final long BLUR_BYTES = 1L << 20;

  /** How fast what runs take may grow with their inputs: attention grows by their square. */
  private static final double POWER_MAX = 3;

  private static final Logger log = LoggerFactory.getLogger(MeasuredRuns.class);

  private final LoadedModel model;
  private final RunRoom room;
  private final PeakMemory memory;
  private volatile long smallInputs;
  private volatile Optional<Measured> measured = Optional.empty();

  /**
   * What the largest run so far took.
   *
   * @param inputs bytes of its inputs
   * @param taken bytes of memory at its peak
   * @param power how what is taken grows with the inputs: 1 when it grows as they do
   * @param counted how often that was measured
   */
  private record Measured(long inputs, long taken, double power, int counted) {
    /** What a run on inputs of this size will take. */
    long forecast(long bytes) {
      double times = Math.max(1, (double) bytes / Math.max(1, inputs));
      return (long) ((taken + BLUR_BYTES) * Math.pow(times, power));
    }

    Measured then(long bytes, long grown, int times) {
      if (bytes == inputs) {
        // What else happens in this process only ever adds.
        return new Measured(inputs, Math.min(taken, grown), power, counted + times);
      }
      // Of what lies within the blur nothing can be told; its half is as likely as any.
      double slope =
          grown > BLUR_BYTES
              ? Math.log((double) grown / Math.max(taken, BLUR_BYTES / 2))
                  / Math.log((double) bytes / Math.max(1, inputs))
              : 1;
      return new Measured(bytes, grown, Math.clamp(slope, 1, POWER_MAX), times);
    }
  }

  private MeasuredRuns(LoadedModel model, RunRoom room, PeakMemory memory) {
    this.model = model;
    this.room = room;
    this.memory = memory;
    this.smallInputs = size(atLeast(model.signature()));
  }

  /** The same model; measured, when its inputs can have more than one size. */
  static LoadedModel of(LoadedModel model, RunRoom room, PeakMemory memory) {
    boolean open =
        model.signature().inputs().stream()
            .anyMatch(spec -> spec.type().bytes() == 0 || spec.shape().contains(-1L));
    return open ? new MeasuredRuns(model, room, memory) : model;
  }

  @Override
  public String engine() {
    return model.engine();
  }

  @Override
  public ModelSignature signature() {
    return model.signature();
  }

  @Override
  public List<String> providers() {
    return model.providers();
  }

  @Override
  public List<String> faults() {
    return model.faults();
  }

  @Override
  public List<Tensor> run(List<Tensor> inputs) throws EngineException {
    try (RunScope scope = RunScope.lasting()) {
      return run(inputs, scope);
    }
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

  private List<Tensor> runLarge(List<Tensor> inputs, long bytes, RunScope scope)
      throws EngineException {
    InputCheck.requireFit(model.signature(), inputs);
    if (measured.map(known -> bytes > STEP * known.inputs()).orElse(true)) {
      leadUpTo(inputs, bytes, scope);
    }
    boolean measures = measured.map(known -> isNews(known, bytes)).orElse(true);
    long forecast = forecast(bytes);
    boolean givesBack = measures || forecast > KEPT_BYTES;
    room.enter(forecast, measures, scope);
    try {
      if (!measures) {
        return run(inputs, scope, givesBack);
      }
      giveBack();
      PeakMemory.Since since = memory.begin();
      List<Tensor> outputs = run(inputs, scope, true);
      learn(bytes, since.grown(), 1);
      return outputs;
    } finally {
      room.leave(forecast);
      if (givesBack) {
        NativeMemory.trim();
      }
    }
  }

  // The first count of a size may hold what others did meanwhile.
  private static boolean isNews(Measured known, long bytes) {
    return bytes > known.inputs() || (bytes == known.inputs() && known.counted() == 1);
  }

  private long forecast(long bytes) {
    return measured.map(known -> known.forecast(bytes)).orElse(0L);
  }

  /** What runs before left with the engine would hide what the next one takes. */
  private void giveBack() {
    try {
      runOnZeros(atLeast(model.signature()));
    } catch (EngineException e) {
      log.atDebug().addKeyValue("engine", engine()).setCause(e).log("no smallest run");
    }
  }

  /** Shapes of the smallest inputs. */
  private static List<List<Long>> atLeast(ModelSignature signature) {
    return signature.inputs().stream()
        .map(spec -> spec.shape().stream().map(dimension -> Math.max(1, dimension)).toList())
        .toList();
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

  /** Runs on zeros, larger and larger, until a run on inputs of so many bytes is one step away. */
  private void leadUpTo(List<Tensor> inputs, long bytes, RunScope scope) throws EngineException {
    long largest = inputs.stream().mapToLong(this::largestOpen).max().orElse(0);
    long before = -1;
    while (true) {
      Optional<Measured> known = measured;
      if (known.isPresent() && bytes <= STEP * known.get().inputs()) {
        return;
      }
      long target = known.map(size -> STEP * size.inputs()).orElse(0L);
      long dimension = Math.max(1, (long) ((double) largest * target / bytes));
      if (dimension <= before || dimension >= largest) {
        // There is nothing between: strings, or one row after the other is all that is open.
        return;
      }
      before = dimension;
      if (!measures(zeros(inputs, largest, dimension), scope)) {
        return;
      }
    }
  }

  private long largestOpen(Tensor input) {
    long largest = 0;
    List<Long> open = spec(input).shape();
    for (int i = 0; i < open.size(); i++) {
      largest = open.get(i) < 0 ? Math.max(largest, input.shape().get(i)) : largest;
    }
    return largest;
  }

  private TensorSpec spec(Tensor input) {
    return model.signature().inputs().stream()
        .filter(spec -> spec.name().equals(input.name()))
        .findFirst()
        .orElseThrow();
  }

  /** The same with zeros, and with another dimension wherever an open one has this size. */
  private List<List<Long>> zeros(List<Tensor> inputs, long from, long to) {
    List<List<Long>> shapes = new ArrayList<>();
    for (Tensor input : inputs) {
      List<Long> open = spec(input).shape();
      List<Long> shape = new ArrayList<>(input.shape());
      for (int i = 0; i < shape.size(); i++) {
        if (open.get(i) < 0 && shape.get(i) == from) {
          shape.set(i, to);
        }
      }
      shapes.add(shape);
    }
    return shapes;
  }

  /** Whether such a run could be made and measured. */
  private boolean measures(List<List<Long>> shapes, RunScope scope) throws EngineException {
    long size = size(shapes);
    if (measured.map(known -> size <= known.inputs()).orElse(false)) {
      return false;
    }
    long forecast = forecast(size);
    room.enter(forecast, true, scope);
    try {
      giveBack();
      // What else happens in this process only ever adds, so the smaller of two counts.
      OptionalLong one = grownBy(shapes);
      OptionalLong two = grownBy(shapes);
      return learn(
          size,
          one.isPresent() && two.isPresent()
              ? OptionalLong.of(Math.min(one.getAsLong(), two.getAsLong()))
              : OptionalLong.empty(),
          2);
    } catch (EngineException e) {
      if (scope.isStopped()) {
        throw new EngineException(Reason.STOPPED, "stopped while its memory was measured", e);
      }
      log.atDebug().addKeyValue("engine", engine()).setCause(e).log("no run on zeros");
      return false;
    } finally {
      room.leave(forecast);
    }
  }

  private static long size(TensorSpec spec, List<Long> shape) {
    // A string without characters is its length alone.
    int each = spec.type().bytes() == 0 ? Integer.BYTES : spec.type().bytes();
    return Tensor.elements(shape) * each;
  }

  private long size(List<List<Long>> shapes) {
    long bytes = 0;
    for (int i = 0; i < shapes.size(); i++) {
      bytes += size(model.signature().inputs().get(i), shapes.get(i));
    }
    return bytes;
  }

  private OptionalLong grownBy(List<List<Long>> shapes) throws EngineException {
    PeakMemory.Since since = memory.begin();
    runOnZeros(shapes);
    return since.grown();
  }

  private void runOnZeros(List<List<Long>> shapes) throws EngineException {
    try (RunScope scope = RunScope.lasting()) {
      List<Tensor> inputs = new ArrayList<>();
      for (int i = 0; i < shapes.size(); i++) {
        TensorSpec spec = model.signature().inputs().get(i);
        ByteBuffer data = ByteBuffer.allocateDirect(Math.toIntExact(size(spec, shapes.get(i))));
        inputs.add(new Tensor(spec.name(), spec.type(), shapes.get(i), data));
      }
      run(inputs, scope, true);
    }
  }

  /** Whether that is more than was known; only one run that is measured is under way at a time. */
  private boolean learn(long bytes, OptionalLong grown, int times) {
    if (grown.isEmpty()) {
      // Where nothing can be told nothing is refused.
      smallInputs = Long.MAX_VALUE;
      return false;
    }
    if (measured.map(known -> bytes < known.inputs()).orElse(false)) {
      return false;
    }
    Measured now =
        measured
            .map(known -> known.then(bytes, grown.getAsLong(), times))
            .orElseGet(() -> new Measured(bytes, grown.getAsLong(), 1, times));
    measured = Optional.of(now);
    if (now.taken() < SMALL_BYTES) {
      smallInputs = Math.max(smallInputs, bytes);
    }
    log.atDebug()
        .addKeyValue("engine", engine())
        .addKeyValue("inputs", bytes)
        .addKeyValue("taken", now.taken())
        .log("memory of a run measured");
    return true;
  }

  @Override
  public void close() {
    model.close();
  }
}
