package io.skerry.agent.trace;

import java.util.Optional;
import java.util.function.Consumer;

/**
 * One traced call: its times, as of {@link System#nanoTime}, and what it was for. Used by one
 * thread at a time; nothing here waits.
 */
public final class CallTrace {
  final long high;
  final long low;
  final long span;
  final Optional<TraceParent> parent;
  final String method;
  final String application;
  final long began;
  final long beganUnixNanos;
  long started;
  long run;
  long infer;
  long encode;
  long encoded;
  long ended;
  String model = "";
  String version = "";
  String prediction = "";
  String fault = "";

  private final Consumer<CallTrace> finished;

  CallTrace(
      long high,
      long low,
      long span,
      Optional<TraceParent> parent,
      String method,
      String application,
      long began,
      long beganUnixNanos,
      Consumer<CallTrace> finished) {
    this.high = high;
    this.low = low;
    this.span = span;
    this.parent = parent;
    this.method = method;
    this.application = application;
    this.began = began;
    this.beganUnixNanos = beganUnixNanos;
    this.finished = finished;
  }

  /** Its work began: it no longer waits. */
  public void started() {
    started = System.nanoTime();
  }

  /**
   * The engine has run; the answer is encoded from now on.
   *
   * @param nanos how long the run took, and the wait to be run together with other calls
   * @param waitedNanos that wait
   */
  public void ran(long nanos, long waitedNanos) {
    encode = System.nanoTime();
    run = encode - nanos;
    infer = run + waitedNanos;
  }

  /** The answer is encoded. */
  public void encoded() {
    encoded = System.nanoTime();
  }

  /** It ended with an answer. Only its first end counts: the sender reads it from then on. */
  public void answered(String answeredModel, String answeredVersion, String predictionId) {
    if (ended == 0) {
      model = answeredModel;
      version = answeredVersion;
      prediction = predictionId;
      end();
    }
  }

  /**
   * It ended without one.
   *
   * @param wantedModel as the client named it
   * @param why a code and a text
   */
  public void failed(String wantedModel, String why) {
    if (ended == 0) {
      model = wantedModel;
      fault = why;
      end();
    }
  }

  private void end() {
    ended = System.nanoTime();
    finished.accept(this);
  }
}
