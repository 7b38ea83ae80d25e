package io.skerry.agent.diagnose;

import io.skerry.agent.bench.ProcessFacts;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.ModelStatistics;
import io.skerry.agent.model.ServingModel;
import io.skerry.agent.serve.ApplicationStatistics;
import io.skerry.agent.serve.CallStatistics;
import io.skerry.agent.trace.TraceStatistics;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/**
 * The agent's metrics in Prometheus' text format. Times are sums with counts, split as Triton
 * splits its statistics; a rate of one over the rate of the other is a mean.
 */
final class MetricsPage {
  private static final double NANOS = 1e9;
  private static final String MODEL_MEMORY = "skerry_agent_model_memory_bytes";

  private final ModelSlots slots;
  private final CallStatistics calls;
  private final String version;
  private final StringBuilder page = new StringBuilder();

  private MetricsPage(ModelSlots slots, CallStatistics calls, String version) {
    this.slots = slots;
    this.calls = calls;
    this.version = version;
  }

  static String of(ModelSlots slots, CallStatistics calls, String version) throws IOException {
    return new MetricsPage(slots, calls, version).write();
  }

  private String write() throws IOException {
    Map<String, ModelStatistics> models = statistics();
    gauge("skerry_agent_info", "Which agent this is.");
    page.append("skerry_agent_info{version=\"").append(version).append("\"} 1\n");
    gauge("skerry_agent_calls_waiting", "Calls that wait for a place to run.");
    value("skerry_agent_calls_waiting", "", calls.waiting());
    applications();
    calls.traces().ifPresent(this::traces);
    counter("skerry_agent_predictions_total", "Calls of a model by how they ended.");
    models.forEach(
        (labels, model) -> {
          outcome(labels, "answered", model.success().count());
          outcome(labels, "rejected", model.rejected());
          outcome(labels, "cancelled", model.cancelled());
          outcome(labels, "failed", model.fail().count() - model.rejected() - model.cancelled());
        });
    perModel(
        models,
        "items_total",
        "Items of the answered calls' batches.",
        m -> (double) m.inferences());
    perModel(
        models, "executions_total", "Answered runs of the engine.", m -> (double) m.executions());
    perModel(
        models,
        "call_seconds_total",
        "From the whole request to the encoded answer, of answered calls.",
        m -> m.success().nanos() / NANOS);
    perModel(
        models,
        "queue_seconds_total",
        "Waiting for a place to run, of answered calls.",
        m -> m.queue().nanos() / NANOS);
    perModel(
        models,
        "compute_input_seconds_total",
        "Reading and checking tensors, of answered calls.",
        m -> m.input().nanos() / NANOS);
    perModel(
        models,
        "compute_infer_seconds_total",
        "The engine's runs, of answered calls.",
        m -> m.infer().nanos() / NANOS);
    perModel(
        models,
        "compute_output_seconds_total",
        "Encoding answers, of answered calls.",
        m -> m.output().nanos() / NANOS);
    gauge(
        MODEL_MEMORY,
        "What a model took of the allocator's memory while it was loaded and in a run before it served.");
    modelMemory().forEach((labels, bytes) -> value(MODEL_MEMORY, labels, (double) bytes));
    memory();
    return page.toString();
  }

  private void applications() {
    counter("skerry_agent_application_calls_total", "Calls of an application by how they ended.");
    for (ApplicationStatistics application : calls.applications()) {
      asked(application, "answered", application.answered());
      asked(application, "invalid", application.invalid());
      asked(application, "rejected", application.rejected());
      asked(application, "cancelled", application.cancelled());
      asked(application, "failed", application.failed());
    }
    gauge("skerry_agent_application_calls_waiting", "Calls of an application that wait.");
    for (ApplicationStatistics application : calls.applications()) {
      value(
          "skerry_agent_application_calls_waiting",
          label(application),
          (double) application.waiting());
    }
  }

  private void traces(TraceStatistics traces) {
    counter("skerry_agent_traces_total", "Traced calls by what became of them.");
    traced("exported", traces.exported());
    traced("dropped", traces.dropped());
    traced("failed", traces.failed());
  }

  private void traced(String outcome, long count) {
    value("skerry_agent_traces_total", "outcome=\"" + outcome + "\"", (double) count);
  }

  private void asked(ApplicationStatistics application, String outcome, long count) {
    value(
        "skerry_agent_application_calls_total",
        label(application) + ",outcome=\"" + outcome + "\"",
        (double) count);
  }

  private static String label(ApplicationStatistics application) {
    return "application=\"" + application.name() + "\"";
  }

  private Map<String, Long> modelMemory() {
    Map<String, Long> models = new TreeMap<>();
    for (ServingModel model : slots.active()) {
      model.memoryBytes().ifPresent(bytes -> models.merge(labels(model), bytes, Long::sum));
    }
    return models;
  }

  private static String labels(ServingModel model) {
    return "model=\"%s\",version=\"%d\""
        .formatted(model.version().model().value(), model.version().version());
  }

  private Map<String, ModelStatistics> statistics() {
    Map<String, ModelStatistics> models = new TreeMap<>();
    for (ServingModel model : slots.active()) {
      models.merge(labels(model), model.statistics(), ModelStatistics::plus);
    }
    return models;
  }

  private void memory() throws IOException {
    ProcessFacts.Memory process = ProcessFacts.own().memory();
    MemoryMXBean jvm = ManagementFactory.getMemoryMXBean();
    gauge("skerry_agent_memory_bytes", "Memory in use, by kind.");
    memory("resident", process.resident());
    memory("anonymous", process.anonymous());
    memory("heap", jvm.getHeapMemoryUsage().getUsed());
    memory("heap_committed", jvm.getHeapMemoryUsage().getCommitted());
    memory("jvm", jvm.getNonHeapMemoryUsage().getCommitted());
    for (BufferPoolMXBean pool : ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class)) {
      if (pool.getName().equals("direct") || pool.getName().equals("mapped")) {
        memory(pool.getName(), pool.getMemoryUsed());
      }
    }
    counter("process_cpu_seconds_total", "Processor time.");
    value("process_cpu_seconds_total", "", ProcessFacts.own().cpuSeconds());
    gauge("process_uptime_seconds", "Time since the agent started.");
    value("process_uptime_seconds", "", ManagementFactory.getRuntimeMXBean().getUptime() / 1_000.0);
  }

  private void memory(String kind, long bytes) {
    value("skerry_agent_memory_bytes", "kind=\"" + kind + "\"", (double) bytes);
  }

  private void outcome(String labels, String outcome, long count) {
    value(
        "skerry_agent_predictions_total", labels + ",outcome=\"" + outcome + "\"", (double) count);
  }

  private void perModel(
      Map<String, ModelStatistics> models,
      String name,
      String help,
      ToDoubleFunction<ModelStatistics> figure) {
    String full = "skerry_agent_" + name;
    counter(full, help);
    models.forEach((labels, model) -> value(full, labels, figure.applyAsDouble(model)));
  }

  private void counter(String name, String help) {
    head(name, help, "counter");
  }

  private void gauge(String name, String help) {
    head(name, help, "gauge");
  }

  private void head(String name, String help, String type) {
    page.append("# HELP ").append(name).append(' ').append(help).append('\n');
    page.append("# TYPE ").append(name).append(' ').append(type).append('\n');
  }

  private void value(String name, String labels, double value) {
    page.append(name);
    if (!labels.isEmpty()) {
      page.append('{').append(labels).append('}');
    }
    page.append(' ');
    if (value == Math.rint(value)) {
      page.append((long) value);
    } else {
      page.append(String.format(Locale.ROOT, "%.6f", value));
    }
    page.append('\n');
  }
}
