package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.skerry.agent.EchoModel;
import io.skerry.agent.serve.http.HttpConfig;
import io.skerry.agent.serve.http.HttpServer;
import io.skerry.agent.trace.TestCollector;
import io.skerry.agent.trace.TraceConfig;
import io.skerry.artifact.ElementType;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.ModelStreamInferResponse;
import io.skerry.wire.inference.ServerMetadataRequest;
import io.skerry.wire.inference.TraceSettingRequest;
import io.skerry.wire.inference.TraceSettingResponse;
import io.skerry.wire.otlp.Span;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Calls of a real agent, told to a collector that speaks OTLP. */
@SuppressWarnings("NullAway.Init") // JUnit calls start() first.
class TracedCallsTest {
  private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
  private static final String PARENT = "00-" + TRACE + "-b7ad6b7169203331-01";
  private static final String UNSAMPLED = "00-" + TRACE + "-b7ad6b7169203331-00";

  private TestCollector collector;
  private TestServer server;

  @BeforeEach
  void start() throws Exception {
    collector = new TestCollector();
    server =
        TestServer.start(
                config ->
                    config.withTraces(
                        Optional.of(TraceConfig.of(collector.url(), Optional.empty(), 0))))
            .with("m", EchoModel.of(ElementType.FP32));
  }

  @AfterEach
  void stop() throws Exception {
    server.close();
    collector.close();
  }

  @Test
  void aCallOfATraceIsPartOfIt() throws Exception {
    ModelInferResponse answer = with(PARENT).modelInfer(TestServer.floats(1, 2).build());
    assertThatThrownBy(() -> with(PARENT).modelInfer(TestServer.floats(1).build()))
        .hasMessageStartingWith("INVALID_ARGUMENT");
    with(UNSAMPLED).modelInfer(TestServer.floats(1, 2).build());
    server.stub().modelInfer(TestServer.floats(1, 2).build());
    server.close();

    List<Span> spans = collector.spans(8);

    assertThat(spans)
        .extracting(Span::getName)
        .containsExactly(
            "inference.GRPCInferenceService/ModelInfer",
            "queue",
            "compute_input",
            "infer",
            "compute_output",
            "inference.GRPCInferenceService/ModelInfer",
            "queue",
            "compute_input");
    Span whole = spans.getFirst();
    assertThat(hex(whole.getTraceId().toByteArray())).isEqualTo(TRACE);
    assertThat(hex(whole.getParentSpanId().toByteArray())).isEqualTo("b7ad6b7169203331");
    assertThat(TestCollector.attributes(whole))
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(
                "skerry.model",
                "m",
                "skerry.model_version",
                "1",
                "skerry.application",
                "",
                "skerry.prediction_id",
                answer.getParametersOrThrow("skerry_prediction_id").getStringParam()));
    Span failed = spans.get(5);
    assertThat(failed.getStatus().getCodeValue()).isEqualTo(2);
    assertThat(failed.getStatus().getMessage())
        .startsWith("INVALID_ARGUMENT: unexpected shape for input 'x' for model 'm'");
  }

  @Test
  void everyRequestOfAStreamIsACall() throws Exception {
    CountDownLatch ended = new CountDownLatch(1);
    StreamObserver<ModelInferRequest> stream =
        GRPCInferenceServiceGrpc.newStub(server.client().channel())
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers(PARENT)))
            .modelStreamInfer(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ModelStreamInferResponse response) {}

                  @Override
                  public void onError(Throwable failure) {}

                  @Override
                  public void onCompleted() {
                    ended.countDown();
                  }
                });
    stream.onNext(TestServer.floats(1, 2).build());
    stream.onNext(TestServer.floats(3, 4).build());
    stream.onCompleted();
    assertThat(ended.await(20, TimeUnit.SECONDS)).isTrue();

    assertThat(collector.spans(10))
        .filteredOn(span -> span.getName().endsWith("/ModelStreamInfer"))
        .hasSize(2)
        .allSatisfy(span -> assertThat(hex(span.getTraceId().toByteArray())).isEqualTo(TRACE));
  }

  @Test
  void soIsOneOverHttp() throws Exception {
    try (HttpServer http = HttpServer.start(HttpConfig.at(0), server.server().service());
        HttpClient client = HttpClient.newHttpClient()) {
      HttpRequest request =
          HttpRequest.newBuilder(
                  URI.create("http://127.0.0.1:%d/v2/models/m/infer".formatted(http.port())))
              .header("traceparent", PARENT)
              .header("tracestate", "vendor=x")
              .POST(
                  HttpRequest.BodyPublishers.ofString(
                      "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"datatype\":\"FP32\",\"data\":[1,2]}]}"))
              .build();
      assertThat(client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode())
          .isEqualTo(200);
    }

    Span whole = collector.spans(5).getFirst();
    assertThat(whole.getName()).isEqualTo("POST /v2/models/{model}/infer");
    assertThat(whole.getTraceState()).isEqualTo("vendor=x");
  }

  @Test
  void tellsHowItTracesAndLetsNoClientChangeIt() {
    GRPCInferenceServiceBlockingStub stub = server.stub();

    Map<String, String> settings = new TreeMap<>();
    stub.traceSetting(TraceSettingRequest.getDefaultInstance())
        .getSettingsMap()
        .forEach((name, value) -> settings.put(name, value(value)));

    assertThat(settings)
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(
                "trace_level",
                "TIMESTAMPS",
                "trace_mode",
                "opentelemetry",
                "trace_rate",
                "0",
                "trace_count",
                "-1",
                "url",
                collector.url()));
    assertThat(stub.traceSetting(setting("trace_level", "TIMESTAMPS")).getSettingsCount())
        .isEqualTo(5);
    assertThatThrownBy(() -> stub.traceSetting(setting("trace_level", "OFF")))
        .hasMessage(
            "UNAVAILABLE: trace setting 'trace_level' cannot be changed by clients: it is set where the agent is started");
    assertThat(stub.serverMetadata(ServerMetadataRequest.getDefaultInstance()).getExtensionsList())
        .contains("trace");
  }

  private static String value(TraceSettingResponse.SettingValue value) {
    assertThat(value.getValueCount()).isEqualTo(1);
    return value.getValue(0);
  }

  private static TraceSettingRequest setting(String name, String value) {
    return TraceSettingRequest.newBuilder()
        .putSettings(name, TraceSettingRequest.SettingValue.newBuilder().addValue(value).build())
        .build();
  }

  private GRPCInferenceServiceBlockingStub with(String parent) {
    return server
        .stub()
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers(parent)));
  }

  private static Metadata headers(String parent) {
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER), parent);
    return headers;
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
