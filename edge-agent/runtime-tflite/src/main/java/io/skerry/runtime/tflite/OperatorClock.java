package io.skerry.runtime.tflite;

import static org.bytedeco.tensorflowlite.global.tensorflowlite.MakeTfLiteTelemetryProfiler;

import io.skerry.runtime.OperatorTime;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.tensorflowlite.Interpreter;
import org.bytedeco.tensorflowlite.TelemetryProfiler;
import org.bytedeco.tensorflowlite.TfLiteTelemetryProfilerStruct;
import org.bytedeco.tensorflowlite.TfLiteTelemetryProfilerStruct.ReportBeginOpInvokeEvent_TfLiteTelemetryProfilerStruct_BytePointer_long_long;
import org.bytedeco.tensorflowlite.TfLiteTelemetryProfilerStruct.ReportEndOpInvokeEvent_TfLiteTelemetryProfilerStruct_int;
import org.bytedeco.tensorflowlite.TfLiteTelemetryProfilerStruct.ReportOpInvokeEvent_TfLiteTelemetryProfilerStruct_BytePointer_long_long_long;
import org.bytedeco.tensorflowlite.TfLiteTelemetryProfilerStruct.ReportSettings_TfLiteTelemetryProfilerStruct_BytePointer_TfLiteTelemetrySettings;
import org.bytedeco.tensorflowlite.TfLiteTelemetryProfilerStruct.ReportTelemetryEvent_TfLiteTelemetryProfilerStruct_BytePointer_long;
import org.bytedeco.tensorflowlite.TfLiteTelemetryProfilerStruct.ReportTelemetryOpEvent_TfLiteTelemetryProfilerStruct_BytePointer_long_long_long;
import org.bytedeco.tensorflowlite.TfLiteTelemetrySettings;

/**
 * Counts what operators take, by the calls that an interpreter makes to its profiler. TFLite's own
 * operators are told when they begin and end; XNNPACK tells its own after they ran, in whole
 * microseconds. For one interpreter and one thread; closed after it.
 */
final class OperatorClock implements AutoCloseable {
  /** Different operators that are told apart; a loop in a graph could make more without end. */
  static final int OPERATORS_MAX = 10_000;

  /**
   * One operator of a graph.
   *
   * @param part of the graph that XNNPACK took, from 1; 0 for TFLite's own
   */
  record Operator(long part, long index, String name) {}

  private record Begun(Operator operator, long nanos) {}

  private final Map<Operator, Long> nanos = new LinkedHashMap<>();
  private final Deque<Begun> open = new ArrayDeque<>();
  private final List<Pointer> natives = new ArrayList<>();
  private final TelemetryProfiler profiler;
  // XNNPACK counts its operators from 0 in each part of the graph that it took.
  private long part;
  private long last = -1;

  OperatorClock() {
    TfLiteTelemetryProfilerStruct calls = kept(new TfLiteTelemetryProfilerStruct());
    calls.ReportTelemetryEvent(kept(new IgnoredEvent()));
    calls.ReportTelemetryOpEvent(kept(new IgnoredOperatorEvent()));
    calls.ReportSettings(kept(new IgnoredSettings()));
    calls.ReportBeginOpInvokeEvent(kept(new Begin()));
    calls.ReportEndOpInvokeEvent(kept(new End()));
    calls.ReportOpInvokeEvent(kept(new Ran()));
    profiler = kept(MakeTfLiteTelemetryProfiler(calls));
  }

  private <P extends Pointer> P kept(P pointer) {
    natives.add(pointer);
    return pointer;
  }

  /** From now on it is told of everything; before the interpreter takes XNNPACK in. */
  void watch(Interpreter interpreter) {
    interpreter.SetProfiler(profiler);
  }

  /** A run begins. */
  void begin() {
    part = 0;
    last = -1;
    open.clear();
  }

  /** Nothing that was told so far counts. */
  void forget() {
    nanos.clear();
  }

  List<OperatorTime> times() {
    return nanos.entrySet().stream()
        .map(
            entry ->
                new OperatorTime(
                    entry.getKey().part == 0
                        ? "operator " + entry.getKey().index
                        : "XNNPACK, part %d, operator %d"
                            .formatted(entry.getKey().part, entry.getKey().index),
                    entry.getKey().name,
                    entry.getValue()))
        .toList();
  }

  void count(Operator operator, long took) {
    if (nanos.size() < OPERATORS_MAX || nanos.containsKey(operator)) {
      nanos.merge(operator, took, Long::sum);
    }
  }

  @Override
  public void close() {
    for (int i = natives.size() - 1; i >= 0; i--) {
      natives.get(i).close();
    }
  }

  private static String text(BytePointer name) {
    return name == null || name.isNull() ? "" : name.getString();
  }

  private final class Begin
      extends ReportBeginOpInvokeEvent_TfLiteTelemetryProfilerStruct_BytePointer_long_long {
    @Override
    public int call(
        TfLiteTelemetryProfilerStruct profiler, BytePointer name, long index, long subgraph) {
      open.push(new Begun(new Operator(0, index, text(name)), System.nanoTime()));
      // The next of XNNPACK's is of another part.
      last = Long.MAX_VALUE;
      return 0;
    }
  }

  private final class End extends ReportEndOpInvokeEvent_TfLiteTelemetryProfilerStruct_int {
    @Override
    public void call(TfLiteTelemetryProfilerStruct profiler, int handle) {
      Begun begun = open.poll();
      if (begun != null) {
        count(begun.operator, System.nanoTime() - begun.nanos);
      }
    }
  }

  private final class Ran
      extends ReportOpInvokeEvent_TfLiteTelemetryProfilerStruct_BytePointer_long_long_long {
    @Override
    public void call(
        TfLiteTelemetryProfilerStruct profiler,
        BytePointer name,
        long micros,
        long index,
        long subgraph) {
      if (index <= last || part == 0) {
        part++;
      }
      last = index;
      count(new Operator(part, index, text(name)), micros * 1_000);
    }
  }

  private static final class IgnoredEvent
      extends ReportTelemetryEvent_TfLiteTelemetryProfilerStruct_BytePointer_long {
    @Override
    public void call(TfLiteTelemetryProfilerStruct profiler, BytePointer name, long status) {}
  }

  private static final class IgnoredOperatorEvent
      extends ReportTelemetryOpEvent_TfLiteTelemetryProfilerStruct_BytePointer_long_long_long {
    @Override
    public void call(
        TfLiteTelemetryProfilerStruct profiler,
        BytePointer name,
        long index,
        long subgraph,
        long status) {}
  }

  private static final class IgnoredSettings
      extends ReportSettings_TfLiteTelemetryProfilerStruct_BytePointer_TfLiteTelemetrySettings {
    @Override
    public void call(
        TfLiteTelemetryProfilerStruct profiler,
        BytePointer name,
        TfLiteTelemetrySettings settings) {}
  }
}
