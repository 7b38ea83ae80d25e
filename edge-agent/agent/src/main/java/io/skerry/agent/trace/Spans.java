package io.skerry.agent.trace;

import com.google.protobuf.ByteString;
import io.skerry.agent.config.AgentVersion;
import io.skerry.wire.otlp.AnyValue;
import io.skerry.wire.otlp.ExportTraceServiceRequest;
import io.skerry.wire.otlp.InstrumentationScope;
import io.skerry.wire.otlp.KeyValue;
import io.skerry.wire.otlp.Resource;
import io.skerry.wire.otlp.ResourceSpans;
import io.skerry.wire.otlp.ScopeSpans;
import io.skerry.wire.otlp.Span;
import io.skerry.wire.otlp.Span.SpanKind;
import io.skerry.wire.otlp.Status;
import io.skerry.wire.otlp.Status.StatusCode;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.random.RandomGenerator;

/** Traced calls in OTLP's form: a span for each call, and one for each part that it came to. */
final class Spans {
  private static final int SAMPLED = 1;

  private Spans() {}

  static ExportTraceServiceRequest request(
      List<CallTrace> calls, String instance, RandomGenerator random) {
    ScopeSpans.Builder spans =
        ScopeSpans.newBuilder()
            .setScope(
                InstrumentationScope.newBuilder()
                    .setName("io.skerry.agent")
                    .setVersion(AgentVersion.current()));
    for (CallTrace call : calls) {
      add(spans, call, random);
    }
    Resource.Builder agent =
        Resource.newBuilder()
            .addAttributes(text("service.name", "skerry-agent"))
            .addAttributes(text("service.version", AgentVersion.current()));
    if (!instance.isEmpty()) {
      agent.addAttributes(text("service.instance.id", instance));
    }
    return ExportTraceServiceRequest.newBuilder()
        .addResourceSpans(ResourceSpans.newBuilder().setResource(agent).addScopeSpans(spans))
        .build();
  }

  private static void add(ScopeSpans.Builder spans, CallTrace call, RandomGenerator random) {
    Span.Builder whole =
        span(call, call.span, call.method, SpanKind.SPAN_KIND_SERVER, call.began, call.ended)
            .addAttributes(text("skerry.model", call.model))
            .addAttributes(text("skerry.application", call.application));
    call.parent.ifPresent(
        parent -> whole.setParentSpanId(id(parent.span())).setTraceState(parent.state()));
    if (call.fault.isEmpty()) {
      whole
          .addAttributes(text("skerry.model_version", call.version))
          .addAttributes(text("skerry.prediction_id", call.prediction));
    } else {
      whole.setStatus(
          Status.newBuilder().setCode(StatusCode.STATUS_CODE_ERROR).setMessage(call.fault));
    }
    spans.addSpans(whole);
    part(spans, call, random, "queue", call.began, call.started);
    part(spans, call, random, "compute_input", call.started, call.run);
    if (call.infer > call.run) {
      part(spans, call, random, "batch", call.run, call.infer);
    }
    part(spans, call, random, "infer", call.infer, call.encode);
    part(spans, call, random, "compute_output", call.encode, call.encoded);
  }

  private static void part(
      ScopeSpans.Builder spans,
      CallTrace call,
      RandomGenerator random,
      String name,
      long from,
      long to) {
    // The part in which a call failed ends with it.
    if (from != 0) {
      long end = to == 0 ? call.ended : to;
      spans.addSpans(
          span(call, Tracer.id(random), name, SpanKind.SPAN_KIND_INTERNAL, from, end)
              .setParentSpanId(id(call.span)));
    }
  }

  private static Span.Builder span(
      CallTrace call, long id, String name, SpanKind kind, long from, long to) {
    return Span.newBuilder()
        .setTraceId(
            ByteString.copyFrom(
                ByteBuffer.allocate(2 * Long.BYTES).putLong(call.high).putLong(call.low).flip()))
        .setSpanId(id(id))
        .setName(name)
        .setKind(kind)
        .setStartTimeUnixNano(call.beganUnixNanos + (from - call.began))
        .setEndTimeUnixNano(call.beganUnixNanos + (to - call.began))
        .setFlags(SAMPLED);
  }

  private static ByteString id(long id) {
    return ByteString.copyFrom(ByteBuffer.allocate(Long.BYTES).putLong(id).flip());
  }

  private static KeyValue text(String key, String value) {
    return KeyValue.newBuilder()
        .setKey(key)
        .setValue(AnyValue.newBuilder().setStringValue(value))
        .build();
  }
}
