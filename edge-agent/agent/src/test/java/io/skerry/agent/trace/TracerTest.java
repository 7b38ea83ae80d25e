package io.skerry.agent.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.grpc.Status;
import io.grpc.TlsServerCredentials;
import io.skerry.agent.identity.TestAuthority;
import io.skerry.wire.otlp.ExportTracePartialSuccess;
import io.skerry.wire.otlp.ExportTraceServiceRequest;
import io.skerry.wire.otlp.ExportTraceServiceResponse;
import io.skerry.wire.otlp.Span;
import io.skerry.wire.otlp.TraceServiceGrpc;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@SuppressWarnings("NullAway.Init") // JUnit calls start() first.
class TracerTest {
  private static final Instant NOW = Instant.parse("2026-11-28T01:02:03.000000005Z");
  private static final Tracer.Pace QUICK =
      new Tracer.Pace(Duration.ofMillis(10), Duration.ofSeconds(10), Duration.ofMillis(1));

  private TestCollector collector;
  private Tracer tracer;

  @BeforeEach
  void start() throws IOException {
    collector = new TestCollector();
    tracer = tracer(1);
  }

  @AfterEach
  void stop() {
    tracer.close();
    collector.close();
  }

  @Test
  void sendsWhatACallDidAsTheFieldsThatOtlpNames() throws Exception {
    TraceParent parent = new TraceParent(0x0102030405060708L, 9, 10, true, "a=1");
    finish(begun(tracer, Optional.of(parent), "cam"));

    UnknownFieldSet message = unknown(collector.next().toByteString());
    UnknownFieldSet resourceSpans = part(message, 1);
    assertThat(attribute(part(resourceSpans, 1), 1, 0)).isEqualTo("service.name=skerry-agent");
    assertThat(attribute(part(resourceSpans, 1), 1, 2)).isEqualTo("service.instance.id=cam-1");
    UnknownFieldSet scopeSpans = part(resourceSpans, 2);
    assertThat(text(part(scopeSpans, 1), 1)).isEqualTo("io.skerry.agent");
    UnknownFieldSet span = part(scopeSpans, 2);
    assertThat(span.getField(1).getLengthDelimitedList().getFirst().toByteArray())
        .containsExactly(1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 9);
    assertThat(span.getField(2).getLengthDelimitedList().getFirst().size()).isEqualTo(8);
    assertThat(text(span, 3)).isEqualTo("a=1");
    assertThat(span.getField(4).getLengthDelimitedList().getFirst().toByteArray())
        .containsExactly(0, 0, 0, 0, 0, 0, 0, 10);
    assertThat(text(span, 5)).isEqualTo("method");
    assertThat(span.getField(6).getVarintList()).containsExactly(2L);
    long begin = span.getField(7).getFixed64List().getFirst();
    assertThat(begin).isEqualTo(NOW.getEpochSecond() * 1_000_000_000L + 5);
    assertThat(span.getField(8).getFixed64List().getFirst()).isGreaterThan(begin);
    assertThat(attribute(span, 9, 0)).isEqualTo("skerry.model=m");
    assertThat(attribute(span, 9, 1)).isEqualTo("skerry.application=cam");
    assertThat(attribute(span, 9, 2)).isEqualTo("skerry.model_version=3");
    assertThat(attribute(span, 9, 3)).isEqualTo("skerry.prediction_id=p");
    assertThat(span.getField(16).getFixed32List()).containsExactly(1);
    assertThat(TraceServiceGrpc.getExportMethod().getFullMethodName())
        .isEqualTo("opentelemetry.proto.collector.trace.v1.TraceService/Export");
  }

  @Test
  void hasASpanForEachPartThatFollowsTheOneBefore() throws Exception {
    finish(begun(tracer));

    List<Span> spans = collector.spans(5);

    assertThat(spans)
        .extracting(Span::getName)
        .containsExactly("method", "queue", "compute_input", "infer", "compute_output");
    Span whole = spans.getFirst();
    assertThat(whole.getParentSpanId()).isEqualTo(ByteString.EMPTY);
    assertThat(spans.get(3).getEndTimeUnixNano() - spans.get(3).getStartTimeUnixNano())
        .isEqualTo(1_000);
    for (int i = 1; i < 5; i++) {
      assertThat(spans.get(i).getTraceId()).isEqualTo(whole.getTraceId());
      assertThat(spans.get(i).getParentSpanId()).isEqualTo(whole.getSpanId());
    }
    for (int i = 2; i < 5; i++) {
      assertThat(spans.get(i).getStartTimeUnixNano())
          .isEqualTo(spans.get(i - 1).getEndTimeUnixNano());
    }
    assertThat(spans).extracting(Span::getSpanId).doesNotHaveDuplicates();
  }

  @Test
  void aCallThatFailedHasItsReasonAndThePartsThatThereWere() throws Exception {
    CallTrace call = begun(tracer);
    call.failed("m", "UNAVAILABLE: full");
    call.failed("m", "twice");

    List<Span> spans = collector.spans(2);

    assertThat(spans).extracting(Span::getName).containsExactly("method", "queue");
    assertThat(spans.getLast().getEndTimeUnixNano())
        .isEqualTo(spans.getFirst().getEndTimeUnixNano());
    assertThat(spans.getFirst().getStatus().getCodeValue()).isEqualTo(2);
    assertThat(spans.getFirst().getStatus().getMessage()).isEqualTo("UNAVAILABLE: full");
  }

  @Test
  void theCallerDecidesAndElseTheRatio() throws Exception {
    TraceParent sampled = new TraceParent(1, 2, 3, true, "");
    TraceParent unsampled = new TraceParent(1, 2, 3, false, "");
    assertThat(tracer.begin(Optional.of(unsampled), "m", "")).isNull();
    try (Tracer never = tracer(0);
        Tracer some = tracer(0.25)) {
      assertThat(never.begin(Optional.empty(), "m", "")).isNull();
      assertThat(never.begin(Optional.of(sampled), "m", "")).isNotNull();

      int traced = 0;
      for (int i = 0; i < 10_000; i++) {
        traced += some.begin(Optional.empty(), "m", "") == null ? 0 : 1;
      }

      // Six standard deviations.
      assertThat(traced).isBetween(2_240, 2_760);
    }
  }

  @Test
  void aCollectorThatIsAwayForAMomentLosesNothing() throws Exception {
    collector.answersNext(Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED);
    finish(begun(tracer));

    await(() -> tracer.statistics().exported() == 1);

    ExportTraceServiceRequest first = collector.next();
    assertThat(collector.next()).isEqualTo(first);
    assertThat(collector.next()).isEqualTo(first);
    assertThat(tracer.statistics()).isEqualTo(new TraceStatistics(1, 0, 0));
  }

  @Test
  void whatACollectorRefusesIsGivenUp() throws Exception {
    collector.answersNext(
        Status.INVALID_ARGUMENT,
        ExportTraceServiceResponse.newBuilder()
            .setPartialSuccess(ExportTracePartialSuccess.newBuilder().setRejectedSpans(5))
            .build());
    finish(begun(tracer));
    await(() -> tracer.statistics().failed() == 1);
    finish(begun(tracer));
    await(() -> tracer.statistics().failed() == 2);
    finish(begun(tracer));

    await(() -> tracer.statistics().exported() == 1);
  }

  @Test
  void aCollectorThatNeverTakesThemIsGivenUpAfterSomeTries() throws Exception {
    Status away = Status.UNAVAILABLE;
    collector.answersNext(away, away, away, away, away);
    finish(begun(tracer));

    await(() -> tracer.statistics().failed() == 1);
  }

  @Test
  void goesOnAfterAMistakeOfItsOwn() throws Exception {
    // No number of nanoseconds: nothing can be sent with it.
    Duration broken = Duration.ofSeconds(Long.MAX_VALUE);
    try (Tracer mistaken =
        Tracer.start(
            TraceConfig.of(collector.url(), Optional.empty(), 1),
            new Tracer.Pace(Duration.ofMillis(10), broken, Duration.ofMillis(1)),
            () -> NOW)) {
      finish(begun(mistaken));
      await(() -> mistaken.statistics().failed() == 1);
      finish(begun(mistaken));
      await(() -> mistaken.statistics().failed() == 2);
    }
  }

  @Test
  void neverWaitsAndDropsWhatDoesNotFit() throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    collector.answersNextAfter(() -> await(go));
    finish(begun(tracer));
    collector.next();
    int more = Tracer.QUEUE_MAX + 7;
    for (int i = 0; i < more; i++) {
      finish(begun(tracer));
    }

    assertThat(tracer.statistics()).isEqualTo(new TraceStatistics(0, 7, 0));
    go.countDown();
    await(() -> tracer.statistics().exported() == 1 + Tracer.QUEUE_MAX);
    for (int i = 0; i < Tracer.QUEUE_MAX / Tracer.BATCH_MAX; i++) {
      assertThat(
              collector.next().getResourceSpans(0).getScopeSpans(0).getSpansList().stream()
                  .filter(span -> span.getName().equals("method")))
          .hasSize(Tracer.BATCH_MAX);
    }
  }

  @Test
  void sendsWhatWaitsWhenItStops() throws Exception {
    try (Tracer slow =
        Tracer.start(
            TraceConfig.of(collector.url(), Optional.empty(), 1),
            new Tracer.Pace(Duration.ofDays(1), Duration.ofSeconds(10), Duration.ofDays(1)),
            () -> NOW)) {
      finish(begun(slow));
    }

    assertThat(collector.spans(5)).hasSize(5);
  }

  @Test
  void tellsAnEncryptedCollectorThatItsFileVouchesForAndNoOther(@TempDir Path folder)
      throws Exception {
    TestAuthority authority = new TestAuthority("collectors");
    TestAuthority.Pem own = authority.server();
    Path right = Files.writeString(folder.resolve("right.pem"), authority.pem());
    Path wrong = Files.writeString(folder.resolve("wrong.pem"), new TestAuthority("x").pem());
    try (TestCollector encrypted =
            new TestCollector(TlsServerCredentials.create(in(own.certificate()), in(own.key())));
        Tracer told = encrypted(encrypted, right);
        Tracer strange = encrypted(encrypted, wrong)) {
      finish(begun(strange));
      await(() -> strange.statistics().failed() == 1);

      finish(begun(told));

      assertThat(encrypted.spans(5)).hasSize(5);
    }
  }

  private static Tracer encrypted(TestCollector collector, Path authorities) throws IOException {
    return Tracer.start(
        TraceConfig.of("https://" + collector.address(), Optional.of(authorities), 1),
        QUICK,
        () -> NOW);
  }

  private static InputStream in(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.US_ASCII));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "collector:4317",
        "grpc://collector:4317",
        "http://",
        "http:///x",
        "http://collector:4317/v1/traces",
        "http://user@collector",
        "http://collector?x",
        "http://a b",
        "",
      })
  void refusesWhatIsNoCollector(String url) {
    assertThatThrownBy(() -> TraceConfig.of(url, Optional.empty(), 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("'" + url + "' is no collector: ");
  }

  @Test
  void refusesOtherThingsThatCannotBe() {
    for (double ratio : new double[] {-0.1, 1.1, Double.NaN}) {
      assertThatThrownBy(() -> TraceConfig.of("http://c", Optional.empty(), ratio))
          .hasMessageContaining("expected 0 to 1");
    }
    assertThatThrownBy(() -> TraceConfig.of("http://c", Optional.of(Path.of("ca.pem")), 1))
        .hasMessageContaining("write https://");
    assertThatThrownBy(
            () -> Tracer.start(TraceConfig.of("https://c", Optional.of(Path.of("/none")), 1)))
        .isInstanceOf(IOException.class);
  }

  @Test
  void theWaitForABatchIsNoPartOfTheEnginesRun() throws Exception {
    CallTrace call = begun(tracer);
    call.started();
    call.ran(1_000, 300);
    call.encoded();
    call.answered("m", "3", "p");

    List<Span> spans = collector.spans(6);

    assertThat(spans)
        .extracting(Span::getName)
        .containsExactly("method", "queue", "compute_input", "batch", "infer", "compute_output");
    assertThat(spans.subList(3, 5))
        .extracting(span -> span.getEndTimeUnixNano() - span.getStartTimeUnixNano())
        .containsExactly(300L, 700L);
    assertThat(spans.get(4).getStartTimeUnixNano()).isEqualTo(spans.get(3).getEndTimeUnixNano());
  }

  private Tracer tracer(double ratio) throws IOException {
    return Tracer.start(
        TraceConfig.of(collector.url(), Optional.empty(), ratio).at("cam-1"), QUICK, () -> NOW);
  }

  private static CallTrace begun(Tracer tracer) {
    return begun(tracer, Optional.empty(), "");
  }

  private static CallTrace begun(Tracer tracer, Optional<TraceParent> parent, String application) {
    CallTrace call = tracer.begin(parent, "method", application);
    if (call == null) {
      throw new AssertionError("the call is not traced");
    }
    return call;
  }

  private static void finish(CallTrace call) {
    call.started();
    call.ran(1_000, 0);
    call.encoded();
    call.answered("m", "3", "p");
  }

  private static UnknownFieldSet unknown(ByteString bytes) throws IOException {
    return UnknownFieldSet.parseFrom(bytes);
  }

  private static UnknownFieldSet part(UnknownFieldSet message, int field) throws IOException {
    return unknown(message.getField(field).getLengthDelimitedList().getFirst());
  }

  private static String text(UnknownFieldSet message, int field) {
    return message.getField(field).getLengthDelimitedList().getFirst().toStringUtf8();
  }

  private static String attribute(UnknownFieldSet message, int field, int index)
      throws IOException {
    UnknownFieldSet pair = unknown(message.getField(field).getLengthDelimitedList().get(index));
    return text(pair, 1) + "=" + text(part(pair, 2), 1);
  }

  private static void await(CountDownLatch latch) {
    try {
      if (!latch.await(20, TimeUnit.SECONDS)) {
        throw new AssertionError("waited too long");
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void await(BooleanSupplier condition) {
    long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      LockSupport.parkNanos(1_000_000);
    }
  }
}
