package io.skerry.agent.trace;

import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.ServerCredentials;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.skerry.wire.otlp.ExportTraceServiceRequest;
import io.skerry.wire.otlp.ExportTraceServiceResponse;
import io.skerry.wire.otlp.KeyValue;
import io.skerry.wire.otlp.Span;
import io.skerry.wire.otlp.TraceServiceGrpc;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A collector of traces: a real server that speaks OTLP over gRPC. */
public final class TestCollector implements AutoCloseable {
  private final BlockingQueue<ExportTraceServiceRequest> requests = new LinkedBlockingQueue<>();
  private final BlockingQueue<Function<ExportTraceServiceRequest, Object>> answers =
      new LinkedBlockingQueue<>();
  private final List<Span> spans = new ArrayList<>();
  private final Server server;

  /** Listens on a free port, not encrypted. */
  public TestCollector() throws IOException {
    this(InsecureServerCredentials.create());
  }

  /** Listens on a free port. */
  TestCollector(ServerCredentials credentials) throws IOException {
    server =
        NettyServerBuilder.forAddress(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), credentials)
            .addService(
                new TraceServiceGrpc.TraceServiceImplBase() {
                  @Override
                  public void export(
                      ExportTraceServiceRequest request,
                      StreamObserver<ExportTraceServiceResponse> client) {
                    take(request, client);
                  }
                })
            .build()
            .start();
  }

  private void take(
      ExportTraceServiceRequest request, StreamObserver<ExportTraceServiceResponse> client) {
    requests.add(request);
    Function<ExportTraceServiceRequest, Object> next = answers.poll();
    Object answer = next == null ? Status.OK : next.apply(request);
    if (answer instanceof Status status && !status.isOk()) {
      client.onError(status.asException());
    } else {
      client.onNext(
          answer instanceof ExportTraceServiceResponse response
              ? response
              : ExportTraceServiceResponse.getDefaultInstance());
      client.onCompleted();
    }
  }

  /** Where it listens. */
  public String url() {
    return "http://" + address();
  }

  /** Host and port. */
  String address() {
    return "127.0.0.1:" + server.getPort();
  }

  /** The next messages are answered so, each once: a status or a response. */
  void answersNext(Object... given) {
    for (Object answer : given) {
      answers.add(request -> answer);
    }
  }

  /** The next message is held until this returns. */
  void answersNextAfter(Runnable wait) {
    answers.add(
        request -> {
          wait.run();
          return Status.OK;
        });
  }

  /** Waits for a message. */
  ExportTraceServiceRequest next() throws InterruptedException {
    ExportTraceServiceRequest request = requests.poll(20, TimeUnit.SECONDS);
    if (request == null) {
      throw new AssertionError("no message came");
    }
    return request;
  }

  /** Waits until there are that many spans, and gives all that came. */
  public List<Span> spans(int atLeast) throws InterruptedException {
    while (spans.size() < atLeast) {
      next()
          .getResourceSpansList()
          .forEach(
              resource ->
                  resource
                      .getScopeSpansList()
                      .forEach(scope -> spans.addAll(scope.getSpansList())));
    }
    return List.copyOf(spans);
  }

  /** A span's attributes. */
  public static Map<String, String> attributes(Span span) {
    return span.getAttributesList().stream()
        .collect(Collectors.toMap(KeyValue::getKey, pair -> pair.getValue().getStringValue()));
  }

  @Override
  public void close() {
    server.shutdownNow();
  }
}
