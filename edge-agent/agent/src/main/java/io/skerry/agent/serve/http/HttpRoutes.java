package io.skerry.agent.serve.http;

import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.agent.serve.InferenceService;
import io.skerry.wire.inference.ModelConfigRequest;
import io.skerry.wire.inference.ModelMetadataRequest;
import io.skerry.wire.inference.ModelReadyRequest;
import io.skerry.wire.inference.ModelStatisticsRequest;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Which path means which call of the protocol:
 *
 * <pre>
 *  GET  v2 | v2/health/live | v2/health/ready
 *  GET  v2/models/M[/versions/V] | .../config | .../ready | .../stats | v2/models/stats
 *  POST v2/models/M[/versions/V]/infer
 *  POST v2/repository/index | v2/repository/models/M/load | .../unload
 *  GET  v2/systemsharedmemory[/region/R]/status
 *  POST v2/systemsharedmemory/region/R/register | v2/systemsharedmemory[/region/R]/unregister
 *       the same with cudasharedmemory
 *  GET, POST v2/trace/setting | v2/models/M/trace/setting | v2/logging
 * </pre>
 */
final class HttpRoutes {
  private final InferenceService service;
  private final HttpInference inference;
  private final HttpAdministration administration;

  HttpRoutes(InferenceService service) {
    this.service = service;
    this.inference = new HttpInference(service);
    this.administration = new HttpAdministration(service);
  }

  /** Answers, now or later, on this thread or another. */
  void answer(HttpRequestBody request, HttpExchange exchange) {
    try {
      route(request, exchange);
    } catch (PredictException e) {
      exchange.answer(HttpAnswer.error(e));
    } catch (OutOfMemoryError e) {
      exchange.answer(HttpAnswer.error(503, "not enough memory for this request now"));
    } catch (RuntimeException | Error e) {
      exchange.answer(HttpAnswer.error(InferenceService.broke(e)));
    }
  }

  private void route(HttpRequestBody request, HttpExchange exchange) throws PredictException {
    List<String> path = segments(request.path());
    if (path.isEmpty() || !path.getFirst().equals("v2")) {
      throw unknown();
    }
    List<String> rest = path.subList(1, path.size());
    boolean post = request.method().equals("POST");
    if (!post && !request.method().equals("GET") && !request.method().equals("HEAD")) {
      exchange.answer(HttpAnswer.error(405, "the method must be GET or POST"));
      return;
    }
    if (rest.isEmpty()) {
      exchange.answer(
          HttpAnswer.json(
              ProtoJson.write(service.serverMetadata(service.applications().unnamed()))));
      return;
    }
    switch (rest.getFirst()) {
      case "health" -> exchange.answer(health(rest));
      case "models" -> models(rest, post, request, exchange);
      case "repository", "systemsharedmemory", "cudasharedmemory", "trace", "logging" ->
          administration.answer(rest, post, request, exchange);
      default -> throw unknown();
    }
  }

  private HttpAnswer health(List<String> path) throws PredictException {
    if (path.size() != 2) {
      throw unknown();
    }
    return switch (path.get(1)) {
      case "live" -> HttpAnswer.empty(200);
      case "ready" -> HttpAnswer.empty(service.ready() ? 200 : 400);
      default -> throw unknown();
    };
  }

  private void models(
      List<String> path, boolean post, HttpRequestBody request, HttpExchange exchange)
      throws PredictException {
    if (path.size() == 2 && path.get(1).equals("stats")) {
      exchange.answer(statistics("", ""));
      return;
    }
    if (path.size() < 2) {
      throw unknown();
    }
    String model = path.get(1);
    boolean versioned = path.size() >= 4 && path.get(2).equals("versions");
    String version = versioned ? path.get(3) : "";
    String action = String.join("/", path.subList(versioned ? 4 : 2, path.size()));
    if (post != action.equals("infer") && !action.equals("trace/setting")) {
      exchange.answer(
          HttpAnswer.error(405, post ? "the method must be GET" : "the method must be POST"));
      return;
    }
    switch (action) {
      case "" ->
          exchange.answer(
              HttpAnswer.json(
                  ProtoJson.write(
                      service.modelMetadata(
                          ModelMetadataRequest.newBuilder()
                              .setName(model)
                              .setVersion(version)
                              .build()))));
      case "config" ->
          exchange.answer(
              HttpAnswer.json(
                  ProtoJson.write(
                      service
                          .modelConfig(
                              ModelConfigRequest.newBuilder()
                                  .setName(model)
                                  .setVersion(version)
                                  .build())
                          .getConfig())));
      case "ready" ->
          exchange.answer(
              HttpAnswer.empty(
                  service.modelReady(
                          ModelReadyRequest.newBuilder().setName(model).setVersion(version).build())
                      ? 200
                      : 400));
      case "stats" -> exchange.answer(statistics(model, version));
      case "infer" -> inference.answer(model, version, request, exchange);
      case "trace/setting" ->
          administration.answer(List.of("trace", "setting"), post, request, exchange);
      default -> throw unknown();
    }
  }

  private HttpAnswer statistics(String model, String version) throws PredictException {
    return HttpAnswer.json(
        ProtoJson.write(
            service.statistics(
                ModelStatisticsRequest.newBuilder().setName(model).setVersion(version).build())));
  }

  static PredictException unknown() {
    return new PredictException(Code.NOT_FOUND, "there is nothing at this path");
  }

  /** A path's parts, decoded one by one: a slash in a name stays in it. */
  private static List<String> segments(String uri) throws PredictException {
    int query = uri.indexOf('?');
    String path = query < 0 ? uri : uri.substring(0, query);
    List<String> segments = new ArrayList<>();
    for (String segment : path.split("/", -1)) {
      if (!segment.isEmpty()) {
        try {
          segments.add(URLDecoder.decode(segment, StandardCharsets.UTF_8));
        } catch (IllegalArgumentException e) {
          throw unknown();
        }
      }
    }
    return segments;
  }
}
