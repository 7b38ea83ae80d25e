package io.skerry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.skerry.wire.onnx.GraphProto;
import io.skerry.wire.onnx.ModelProto;
import io.skerry.wire.onnx.StringStringEntryProto;
import io.skerry.wire.onnx.TensorProto;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {
  private static final String DEVICES =
      """
      {"items":[
        {"id":"cam-1","online":true,"profile":"arm64-neon","lastSeenAt":null,"slots":[
          {"slot":"main","phase":"COMMITTED","runningModel":"m","runningVersion":2,
           "predictions":1200,"predictionsFailed":0,"errorCode":null,"rollout":"r-1"}]},
        {"id":"cam-2","online":false,"profile":null,"slots":[]}],
       "nextPageToken":null}
      """;

  @TempDir Path folder;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final Map<String, String> environment = new HashMap<>();
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private HttpServer server = start();

  @BeforeEach
  void begin() {
    server.start();
    environment.put("SKERRY_URL", "http://127.0.0.1:" + server.getAddress().getPort());
    environment.put("SKERRY_TOKEN", "secret");
    environment.put("HOME", folder.toString());
  }

  @AfterEach
  void end() {
    server.stop(0);
  }

  @Test
  void listsDevicesInColumns() {
    answer("/v1/devices", 200, DEVICES);

    assertThat(run("get", "devices")).isEqualTo(ExitCodes.DONE);

    assertThat(lines())
        .containsExactly(
            "NAME    ONLINE   PROFILE      PHASE       RUNS   PREDICTIONS   FAILED   ERROR   AGE",
            "cam-1   true     arm64-neon   COMMITTED   m@2    1200          0        -       -",
            "cam-2   false    -            -           -      -             -        -       -");
  }

  @Test
  void printsNamesAndDocumentsForScripts() {
    answer("/v1/devices", 200, DEVICES);

    run("get", "devices", "-o", "name");
    assertThat(lines()).containsExactly("device/cam-1", "device/cam-2");

    out.getBuffer().setLength(0);
    run("get", "devices", "-o", "json");
    assertThat(out.toString()).contains("\"id\": \"cam-1\"").contains("\"profile\": null");
  }

  @Test
  void hidesWhatCouldSteerATerminal() {
    answer("/v1/devices", 200, "{\"items\":[{\"id\":\"\\u001b[31mred\"}]}");

    run("get", "devices");

    assertThat(out.toString()).contains("?[31mred").doesNotContain("\u001b");
  }

  @Test
  void tellsTheRolloutBehindADevice() {
    answer(
        "/v1/devices/cam-1",
        200,
        DEVICES.substring(DEVICES.indexOf('{', 2), DEVICES.indexOf("]},") + 2));
    answer(
        "/v1/rollouts/r-1",
        200,
        "{\"id\":\"r-1\",\"state\":\"PAUSED\",\"model\":\"m\",\"version\":2,\"reason\":\"by ana\"}");

    assertThat(run("describe", "device", "cam-1")).isEqualTo(ExitCodes.DONE);

    assertThat(out.toString()).contains("  rollout r-1 of m@2 is PAUSED: by ana");
  }

  @ParameterizedTest(name = "{0} exits with {2}")
  @CsvSource({
    "NOT_FOUND, 404, 3",
    "NOT_AUTHENTICATED, 401, 4",
    "NOT_ALLOWED, 403, 4",
    "STATE_CONFLICT, 409, 5",
    "CHANGED_MEANWHILE, 412, 5",
    "DATASET_INVALID, 422, 1"
  })
  void exitCodeTellsWhyARequestWasRefused(String code, int status, int exit) {
    answer(
        "/v1/rollouts/r-1",
        status,
        "{\"status\":%d,\"code\":\"%s\",\"detail\":\"no,\\nbecause\"}".formatted(status, code));

    assertThat(run("describe", "rollout", "r-1")).isEqualTo(exit);
    assertThat(err.toString()).isEqualTo("skerry: no, because\n");
    assertThat(out.toString()).isEmpty();
  }

  @ParameterizedTest(name = "{0} exits with {1}")
  @CsvSource({"SUCCEEDED, 0", "ROLLED_BACK, 6", "ABORTED, 6", "FAILED, 6", "RUNNING, 0"})
  void exitCodeOfStatusTellsHowTheRolloutStands(String state, int exit) {
    answer(
        "/v1/rollouts/r-1",
        200,
        "{\"id\":\"r-1\",\"state\":\"%s\",\"model\":\"m\",\"version\":2,\"stages\":[]}"
            .formatted(state));

    assertThat(run("rollout", "status", "r-1")).isEqualTo(exit);
  }

  @Test
  void countsWhoGetsARolloutAndWhoNot() {
    answer(
        "/v1/rollouts/r-1",
        200,
        """
        {"id":"r-1","state":"RUNNING","model":"m","version":2,"stages":[],"eligible":40,
         "touched":4,"notEligible":3}
        """);
    answer(
        "/v1/rollouts/r-2",
        200,
        """
        {"id":"r-2","state":"RUNNING","model":"m","version":2,"stages":[],"eligible":1,
         "touched":1,"notEligible":0}
        """);

    assertThat(run("rollout", "status", "r-1")).isEqualTo(ExitCodes.DONE);
    assertThat(lines())
        .contains("40 eligible, 4 touched, 3 not eligible: see ./skerry rollout outsiders r-1");
    assertThat(run("rollout", "status", "r-2")).isEqualTo(ExitCodes.DONE);
    assertThat(lines()).contains("1 eligible, 1 touched, 0 not eligible");
  }

  @Test
  void namesEveryDeviceThatIsNotEligibleAndWhy() {
    answer(
        "/v1/rollouts/r-1/outsiders",
        200,
        """
        {"items":[{"device":"cam-1","reason":"its hardware matches no profile"},
          {"device":"cam-2\u001b[2J","reason":"no stage takes it"}],"nextPageToken":null}
        """);

    assertThat(run("rollout", "outsiders", "r-1")).isEqualTo(ExitCodes.DONE);

    assertThat(requests).containsExactly("GET /v1/rollouts/r-1/outsiders?pageSize=500 ");
    assertThat(lines())
        .hasSize(3)
        .element(1)
        .asString()
        .containsSubsequence("cam-1", "its hardware matches no profile");
    assertThat(out.toString()).doesNotContain("\u001b");
  }

  @Test
  void namesTheDevicesThatFailedAndWhy() {
    answer(
        "/v1/rollouts/r-1/devices",
        200,
        """
        {"items":[{"device":"cam-1","stage":0,"profile":"arm64-neon","state":"FAILED","online":true,
          "attempt":2,"error":"disk-full: 12 MB are missing\u001b[2J"}],"nextPageToken":null}
        """);

    assertThat(run("rollout", "devices", "r-1", "--state", "failed")).isEqualTo(ExitCodes.DONE);

    assertThat(requests).containsExactly("GET /v1/rollouts/r-1/devices?pageSize=500&state=FAILED ");
    assertThat(lines())
        .hasSize(2)
        .element(1)
        .asString()
        .containsSubsequence("cam-1", "0", "arm64-neon", "FAILED", "true", "2", "disk-full: 12 MB");
    assertThat(out.toString()).doesNotContain("\u001b");
  }

  @Test
  void watchEndsWithTheResultOrATimeout() {
    answer("/v1/rollouts/r-1", 200, "{\"id\":\"r-1\",\"state\":\"ROLLED_BACK\",\"stages\":[]}");
    answer("/v1/rollouts/r-2", 200, "{\"id\":\"r-2\",\"state\":\"RUNNING\",\"stages\":[]}");

    assertThat(run("rollout", "status", "r-1", "--watch")).isEqualTo(ExitCodes.BAD_RESULT);
    assertThat(run("rollout", "status", "r-2", "--watch", "--timeout", "10ms"))
        .isEqualTo(ExitCodes.TIMEOUT);
    assertThat(err.toString()).contains("still RUNNING");
  }

  @Test
  void watchTellsWhichProfilesGotNoArtifact() {
    answer(
        "/v1/models/mine/versions/2/variants",
        200,
        """
        {"state":"SUCCEEDED","variants":[{"state":"RELEASED"}],"error":{
          "code":"PACKAGING_FAILED","detail":"no variant for profile 'arm64-neon' is good enough"}}
        """);

    assertThat(run("create", "variants", "mine@2", "--watch")).isEqualTo(ExitCodes.BAD_RESULT);
    assertThat(err.toString()).contains("SUCCEEDED · no variant for profile 'arm64-neon'");
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "get planets                        | planets",
        "get                                | KIND",
        "rollout pause r-1                  | --reason",
        "create rollout m                   | NAME@VERSION",
        "get release m@1                    | --out",
        "get candidates m@1                 | --out",
        "create signature m@1               | --file",
        "create run --model m               | --snapshot",
        "rollout status r-1 --timeout never | 'never' is not a time",
        "fly                                | fly",
      })
  void wrongUsageIsOneLineAndExitCodeTwo(String line, String part) {
    assertThat(run(line.split(" "))).isEqualTo(ExitCodes.USAGE);
    assertThat(err.toString().lines())
        .singleElement()
        .asString()
        .startsWith("skerry: ")
        .contains(part);
  }

  @Test
  void importsADatasetAsItIs() throws IOException {
    answer("/v1/datasets/engines/batches/b1", 201, "{\"rows\":3,\"snapshot\":\"sha256:ab\"}");
    Path file = Files.writeString(folder.resolve("data.csv"), "device,cycle,s1,label\n");

    int code = run("import", "dataset", file.toString(), "--name", "engines", "--batch", "b1");

    assertThat(code).isEqualTo(ExitCodes.DONE);
    assertThat(requests)
        .containsExactly("POST /v1/datasets/engines/batches/b1?window=30 device,cycle,s1,label\n");
    assertThat(out.toString()).contains("dataset/engines/b1 stored", "snapshot sha256:ab");
  }

  @ParameterizedTest
  @CsvSource({"CANCELLED,0,packaging cancelled", "SUCCEEDED,6,had ended before: SUCCEEDED"})
  void cancelsAPackagingAndTellsHowItEnded(String state, int exit, String words) {
    answer(
        "/v1/models/mine/versions/2/variants",
        200,
        "{\"model\":\"mine\",\"version\":2,\"state\":\"%s\"}".formatted(state));

    assertThat(run("cancel", "variants", "mine@2")).isEqualTo(exit);

    assertThat(requests.getFirst()).startsWith("DELETE /v1/models/mine/versions/2/variants");
    assertThat(out.toString()).contains("model/mine@2", words);
  }

  @Test
  void verifiesTheAuditLog() {
    answer("/v1/audit/check", 200, "{\"rows\":3,\"head\":\"ab12\"}");

    assertThat(run("audit", "verify")).isEqualTo(ExitCodes.DONE);
    assertThat(out.toString()).contains("3 rows, head ab12");
  }

  @Test
  void saysWhichAuditRowWasChanged() {
    answer("/v1/audit/check", 200, "{\"rows\":3,\"head\":\"ab12\",\"firstBroken\":2}");

    assertThat(run("audit", "verify")).isEqualTo(ExitCodes.BAD_RESULT);
    assertThat(err.toString()).contains("audit row 2");
  }

  @Test
  void importsAModelWithAFolderOfArrays() throws IOException {
    answer(
        "/v1/models/mine/import", 202, "{\"model\":\"mine\",\"version\":1,\"state\":\"QUEUED\"}");
    Path model = Files.writeString(folder.resolve("m.onnx"), "\b\b\022\007weights");
    Files.writeString(
        Files.createDirectory(folder.resolve("arrays")).resolve("calibration.npy"), "x");

    int code = importing(model, folder.resolve("arrays"), "--profile", "arm64-neon");

    assertThat(code).isEqualTo(ExitCodes.DONE);
    assertThat(requests.getFirst())
        .startsWith("PUT /v1/models/mine/import ")
        .contains(
            "name=\"file\"; filename=\"m.onnx\"",
            "weights",
            "name=\"calibration\"; filename=\"skerry-",
            "arm64-neon");
    assertThat(out.toString()).contains("model/mine@1 registered");
  }

  @Test
  void importsAModelWithTheFilesOfItsWeights() throws IOException {
    answer(
        "/v1/models/mine/import", 202, "{\"model\":\"mine\",\"version\":1,\"state\":\"QUEUED\"}");
    Path net = folder.resolve("net");
    Files.createDirectories(net.resolve("weights"));
    Files.write(net.resolve("m.onnx"), modelWithWeightsIn("weights/w.bin"));
    Files.writeString(net.resolve("weights/w.bin"), "four");
    Files.writeString(net.resolve("notes.txt"), "unasked");
    Path calibration = Files.writeString(folder.resolve("c.npy"), "x");

    for (Path given : List.of(net, net.resolve("m.onnx"))) {
      requests.clear();
      int code = importing(given, calibration);

      assertThat(code).isEqualTo(ExitCodes.DONE);
      assertThat(requests.getFirst())
          .contains("name=\"file\"; filename=\"m.onnx.zip\"", "weights/w.bin", "four")
          .doesNotContain("unasked");
    }
  }

  @Test
  void sendsNothingOfAModelWhoseWeightsAreNotThere() throws IOException {
    Path calibration = Files.writeString(folder.resolve("c.npy"), "x");
    Path missing = Files.write(folder.resolve("m.onnx"), modelWithWeightsIn("w.bin"));
    Path outside =
        Files.write(
            Files.createDirectory(folder.resolve("in")).resolve("m.onnx"),
            modelWithWeightsIn("../c.npy"));

    assertThat(importing(missing, calibration)).isEqualTo(ExitCodes.USAGE);
    assertThat(importing(outside, calibration)).isEqualTo(ExitCodes.USAGE);
    assertThat(importing(Files.createDirectory(folder.resolve("empty")), calibration))
        .isEqualTo(ExitCodes.USAGE);

    assertThat(err.toString())
        .contains("m.onnx: constant 'w' lies in 'w.bin', which is no regular file beside the model")
        .contains("constant 'w' lies at '../c.npy', outside the model's folder")
        .contains("empty holds no .onnx or .tflite file");
    assertThat(requests).isEmpty();
  }

  private int importing(Path model, Path calibration, String... more) {
    List<String> line = new ArrayList<>(List.of("import", "model", model.toString()));
    line.addAll(List.of("--name", "mine", "--calibration", calibration.toString()));
    line.addAll(List.of(more));
    return run(line.toArray(String[]::new));
  }

  private static byte[] modelWithWeightsIn(String location) {
    return ModelProto.newBuilder()
        .setIrVersion(8)
        .setGraph(
            GraphProto.newBuilder()
                .addInitializer(
                    TensorProto.newBuilder()
                        .setName("w")
                        .setDataLocation(TensorProto.DataLocation.EXTERNAL)
                        .addExternalData(
                            StringStringEntryProto.newBuilder()
                                .setKey("location")
                                .setValue(location))))
        .build()
        .toByteArray();
  }

  @Test
  void saysWhatAnInputIsToBe() throws IOException {
    answer(
        "/v1/models/mine/import", 202, "{\"model\":\"mine\",\"version\":1,\"state\":\"QUEUED\"}");
    Path model = Files.writeString(folder.resolve("m.onnx"), "\b\b\022\007weights");
    Path calibration = Files.writeString(folder.resolve("c.npy"), "x");

    importing(model, calibration);
    importing(model, calibration, "--input-shape", "image=1,3,224,224");

    assertThat(requests.get(0)).doesNotContain("inputShape");
    assertThat(requests.get(1)).contains("name=\"inputShape\"\r\n\r\nimage=1,3,224,224\r\n");
  }

  @Test
  void saysHowVariantsAreJudgedOnlyWhenTold() throws IOException {
    answer(
        "/v1/models/mine/import", 202, "{\"model\":\"mine\",\"version\":1,\"state\":\"QUEUED\"}");
    answer("/v1/models/mine/versions/2/variants", 202, "{}");
    Path model = Files.write(folder.resolve("m.tflite"), new byte[8]);
    Path calibration = Files.writeString(folder.resolve("c.npy"), "x");

    importing(model, calibration);
    importing(
        model,
        calibration,
        "--metric",
        "meanAveragePrecision",
        "--boxes",
        "detection-postprocess",
        "--score-output",
        "b,c,s,n",
        "--max-drop",
        "2pt");
    run("create", "variants", "mine@2", "--metric", "meanIou", "--max-drop", "0.01");
    int wrong = run("create", "variants", "mine@2", "--max-drop", "little");

    assertThat(requests.get(0)).doesNotContain("metric", "boxes", "scoreOutput", "maxDrop");
    assertThat(requests.get(1))
        .contains("name=\"metric\"\r\n\r\nmeanAveragePrecision\r\n")
        .contains("name=\"boxes\"\r\n\r\ndetection-postprocess\r\n")
        .contains("name=\"scoreOutput\"\r\n\r\nb,c,s,n\r\n")
        .contains("name=\"maxDrop\"\r\n\r\n0.02\r\n");
    assertThat(requests.get(2)).endsWith("{\"judging\":{\"metric\":\"meanIou\",\"maxDrop\":0.01}}");
    assertThat(requests).hasSize(3);
    assertThat(wrong).isEqualTo(ExitCodes.USAGE);
    assertThat(err.toString()).contains("--max-drop 'little' is no number: use 0.5pt");
  }

  @Test
  void listsWhatWasMeasuredOfEachCandidateAndWhyItLost() {
    answer(
        "/v1/models/mine/versions/2",
        200,
        """
        {"variants":[
          {"profile":"arm64-neon","engine":"tflite","precision":"int8","bytes":100,"state":"RELEASED",
           "measured":"device","reason":"fastest that keeps the metric","quality":{
             "metric":"agreement","value":{"value":0.975,"low":0.9,"high":0.99},
             "difference":{"value":-0.025,"low":-0.1,"high":-0.01},"items":40,"flips":1,
             "signalToNoise":31.25},
           "timing":{"p50Micros":22.4,"p99Micros":40,"loadMillis":1.5,"peakMemoryBytes":2048}},
          {"profile":"arm64-neon","engine":"onnxruntime","precision":"fp32","bytes":400,
           "state":"NOT_CHOSEN","measured":"none","reason":"later in the profile's order"}]}
        """);

    assertThat(run("get", "variants", "mine@2")).isEqualTo(ExitCodes.DONE);

    assertThat(out.toString())
        .containsPattern(
            "tflite/int8 +RELEASED +agreement +0.9750 \\[0.9000,0.9900\\]"
                + " +-0.0250 \\[-0.1000,-0.0100\\] +40 +1 +31.25 +22.40 +40 +device +100 +2048"
                + " +1.500 +fastest that keeps the metric")
        .containsPattern("onnxruntime/fp32 +NOT_CHOSEN .* later in the profile's order")
        .contains("agreement: no labels were given");
  }

  @Test
  void saysWhatDevicesMayTellBeforeTheModelIsPackaged() throws IOException {
    answer("/v1/models/mine/monitoring", 200, "{}");
    answer("/v1/models/mine/versions/2/variants", 202, "{}");
    Path file =
        Files.writeString(
            folder.resolve("monitoring.yaml"),
            "privacy: [{field: speed, action: round, step: 0.5}]");

    assertThat(run("create", "variants", "mine@2", "--monitoring", file.toString()))
        .isEqualTo(ExitCodes.DONE);

    assertThat(requests.get(0))
        .isEqualTo(
            "PUT /v1/models/mine/monitoring"
                + " {\"privacy\":[{\"field\":\"speed\",\"action\":\"round\",\"step\":0.5}]}");
    assertThat(requests.get(1)).startsWith("POST /v1/models/mine/versions/2/variants");
    assertThat(run("import", "monitoring", file.toString(), "--model", "mine"))
        .isEqualTo(ExitCodes.DONE);
    assertThat(requests).hasSize(3);
  }

  @Test
  void asksForProofUnderEmulationOnlyWhenTold() throws IOException {
    answer("/v1/models/mine/versions/2/variants", 202, "{}");

    run("create", "variants", "mine@2", "--profile", "arm64-neon");
    run("create", "variants", "mine@2", "--emulate");
    run("create", "variants", "mine@2", "--emulate", "--emulated-items", "50");
    run("create", "variants", "mine@2", "--emulated-items", "60");

    String post = "POST /v1/models/mine/versions/2/variants ";
    assertThat(requests)
        .containsExactly(
            post + "{\"profiles\":[\"arm64-neon\"]}",
            post + "{\"emulatedItems\":400}",
            post + "{\"emulatedItems\":50}",
            post + "{\"emulatedItems\":60}");
  }

  @Test
  void endsBadlyWhereAReplayFoundMoreFalseIncidentsThanPromised() {
    answer(
        "/v1/drift/null-replay",
        200,
        "{\"items\":[{\"replayedWindows\":300,\"falseIncidents\":4,\"promised\":0.3,"
            + "\"allowed\":2,\"kept\":false}]}");

    assertThat(run("drift", "replay", "mine")).isEqualTo(ExitCodes.BAD_RESULT);

    assertThat(requests.getFirst()).startsWith("POST /v1/drift/null-replay?slot=main&model=mine");
    assertThat(out.toString())
        .contains("mine in main: 4 false incidents in 300 replayed windows, 0.3000 promised");
  }

  @Test
  void sendsNoMonitoringThatItsSchemaDoesNotKnow() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("monitoring.yaml"), "privcy: []\nprivacy: [{feild: a, action: drop}]");

    assertThat(run("import", "monitoring", file.toString(), "--model", "mine"))
        .isEqualTo(ExitCodes.USAGE);

    assertThat(err.toString())
        .contains("no field 'privcy'; did you mean privacy?")
        .contains("no field 'privacy[0].feild'; did you mean field?");
    assertThat(run("import", "monitoring", "--model", "mine")).isEqualTo(ExitCodes.USAGE);
    assertThat(run("import", "monitoring", "--schema")).isEqualTo(ExitCodes.DONE);
    assertThat(out.toString()).contains("\"$schema\"");
    assertThat(requests).isEmpty();
  }

  @Test
  void importsAModelWithOneFileOfInputs() throws IOException {
    answer(
        "/v1/models/mine/import", 202, "{\"model\":\"mine\",\"version\":1,\"state\":\"QUEUED\"}");
    Path model = Files.writeString(folder.resolve("m.tflite"), "weights");
    Path inputs = Files.writeString(folder.resolve("inputs.npy"), "numbers");

    int code =
        run(
            "import",
            "model",
            model.toString(),
            "--name",
            "mine",
            "--calibration",
            inputs.toString());

    assertThat(code).isEqualTo(ExitCodes.DONE);
    assertThat(requests.getFirst())
        .contains("name=\"calibration\"; filename=\"inputs.npy\"", "numbers");
  }

  @Test
  void missingFilesAreToldBeforeAnythingIsSent() {
    assertThat(run("import", "dataset", "nowhere.csv", "--name", "n", "--batch", "b"))
        .isEqualTo(ExitCodes.USAGE);
    assertThat(err.toString()).isEqualTo("skerry: file nowhere.csv cannot be read\n");
    assertThat(requests).isEmpty();
  }

  @Test
  void readsARolloutFromAFile(@TempDir Path folder) throws IOException {
    answer("/v1/rollouts", 201, "{\"id\":\"r-9\",\"state\":\"WAITING_FOR_APPROVAL\"}");
    Path file =
        Files.writeString(
            folder.resolve("rollout.yaml"),
            """
            model: engine
            version: 2
            approval: true
            stages:
              - {count: 5, pauseAfter: true}
              - {percent: 100}
            """);

    assertThat(run("create", "rollout", "-f", file.toString())).isEqualTo(ExitCodes.DONE);

    assertThat(requests.getFirst())
        .isEqualTo(
            "POST /v1/rollouts {\"model\":\"engine\",\"version\":2,\"approval\":true,\"stages\":"
                + "[{\"count\":5,\"pauseAfter\":true},{\"percent\":100}]}");
    assertThat(out.toString()).contains("waits for somebody else's approval");
  }

  @Test
  void tellsWhatARolloutWouldDoAndDoesNothing(@TempDir Path folder) throws IOException {
    answer(
        "/v1/rollouts/preview",
        200,
        """
        {"sentence":"Bring m@2 to slot main of 5 devices in 2 stages: 40 %, 100 %","eligible":5,
         "notEligible":2,"notEligibleBy":{"its hardware matches no profile":2},
         "outsiders":[{"device":"cam-8","reason":"its hardware matches no profile"},
           {"device":"cam-9\u001b[2J","reason":"its hardware matches no profile"}],
         "stages":[
           {"index":0,"selection":"40 %","count":2,"byProfile":{"arm64-neon":2},
            "devices":["cam-3","cam-1"],"gates":[
              {"gate":"accuracy","profile":"pooled","excludes":0.4,"shows":0.6,"enough":false,
               "text":"can rule out 40 points, asked are 1"}]},
           {"index":1,"selection":"100 %","count":4,"byProfile":{"arm64-neon":4},
            "devices":["cam-2","cam-4","cam-5","cam-6"],"gates":[
              {"gate":"accuracy","profile":"stage","excludes":0.01,"shows":0.02,"enough":true,
               "text":"can rule out 1 point"}]}],
         "superseded":[{"rollout":"rollout-1","version":"m@1","state":"PAUSED"}]}
        """);
    Path file =
        Files.writeString(
            folder.resolve("rollout.yaml"),
            """
            model: m
            version: 2
            stages: [{percent: 40}, {percent: 100}]
            """);

    assertThat(run("create", "rollout", "-f", file.toString(), "--dry-run"))
        .isEqualTo(ExitCodes.DONE);

    assertThat(requests)
        .containsExactly(
            "POST /v1/rollouts/preview {\"model\":\"m\",\"version\":2,\"stages\":"
                + "[{\"percent\":40},{\"percent\":100}]}");
    assertThat(lines())
        .containsExactly(
            "Bring m@2 to slot main of 5 devices in 2 stages: 40 %, 100 %",
            "supersedes rollout-1 (m@1, PAUSED), which is under way in its place",
            "STAGE   TAKES   DEVICES   BY-PROFILE     FIRST",
            "0       40 %    2         arm64-neon=2   cam-3,cam-1",
            "1       100 %   4         arm64-neon=4   cam-2,cam-4,cam-5,...",
            "  stage 0  sees too little accuracy (pooled): can rule out 40 points, asked are 1",
            "  stage 1  sees enough    accuracy (stage): can rule out 1 point",
            "not eligible: 2 devices its hardware matches no profile=2",
            "  cam-8: its hardware matches no profile",
            "  cam-9?[2J: its hardware matches no profile");
  }

  @Test
  void tellsOfEveryDeviceWhatARolloutWouldBeToIt() {
    String first =
        """
        {"items":[{"device":"cam-3","stage":0,"profile":"arm64-neon"}],"nextPageToken":"ab-1"}
        """;
    String last =
        """
        {"items":[{"device":"cam-8","reason":"its hardware matches no profile"}]}
        """;
    server.createContext(
        "/v1/rollouts/preview/devices",
        exchange -> {
          record(exchange);
          boolean more = exchange.getRequestURI().getQuery().endsWith("&pageToken=ab-1");
          byte[] bytes = (more ? last : first).getBytes(StandardCharsets.UTF_8);
          exchange.getResponseHeaders().add("Content-Type", "application/json");
          exchange.sendResponseHeaders(200, bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });

    assertThat(run("create", "rollout", "m@2", "--dry-run", "--devices")).isEqualTo(ExitCodes.DONE);

    assertThat(lines())
        .containsExactly(
            "DEVICE   STAGE   PROFILE      WHY-NOT",
            "cam-3    0       arm64-neon   -",
            "cam-8    -       -            its hardware matches no profile");
    assertThat(requests)
        .hasSize(2)
        .allMatch(request -> request.endsWith("{\"model\":\"m\",\"version\":2}"));
    assertThat(run("create", "rollout", "m@2", "--devices")).isEqualTo(ExitCodes.USAGE);
  }

  @Test
  void tellsEveryMistakeOfARolloutFileAtOnce(@TempDir Path folder) throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("rollout.yaml"),
            """
            model: engine
            stagse: []
            dynamic: 3
            stages: [{percnt: 10}]
            """);

    assertThat(run("create", "rollout", "-f", file.toString())).isEqualTo(ExitCodes.USAGE);

    assertThat(err.toString())
        .contains("no field 'stagse'; did you mean stages?")
        .contains("dynamic must be true or false")
        .contains("no field 'stages[0].percnt'; did you mean percent?")
        .contains("'version' is missing");
    assertThat(requests).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "submit, submitted",
    "start, started",
    "approve, approved",
    "resume, resumed",
    "promote, promoted",
    "rollback, rolling back",
    "retry, retrying"
  })
  void actsOnTheRevisionThatItRead(String act, String done) {
    answer("/v1/rollouts/r-1", 200, "{\"id\":\"r-1\",\"revision\":7}");
    answer("/v1/rollouts/r-1/" + act, 200, "{\"id\":\"r-1\"}");

    assertThat(run("rollout", act, "r-1", "--reason", "looks good")).isEqualTo(ExitCodes.DONE);

    assertThat(requests)
        .containsExactly(
            "GET /v1/rollouts/r-1 ",
            "POST /v1/rollouts/r-1/%s {\"reason\":\"looks good\"}".formatted(act));
    assertThat(seen).containsExactly("\"7\"");
    assertThat(lines()).containsExactly("rollout/r-1 " + done);
  }

  @Test
  void actsOnARevisionThatWasSeenEarlier() {
    answer("/v1/rollouts/r-1/abort", 200, "{\"id\":\"r-1\"}");

    assertThat(run("rollout", "abort", "r-1", "--reason", "smoke", "--revision", "3"))
        .isEqualTo(ExitCodes.DONE);

    assertThat(requests).hasSize(1);
    assertThat(seen).containsExactly("\"3\"");
  }

  @Test
  void abortsAndPausesWhateverTheRevisionIs() {
    answer("/v1/rollouts/r-1/abort", 200, "{\"id\":\"r-1\"}");
    answer("/v1/rollouts/r-1/pause", 200, "{\"id\":\"r-1\"}");

    assertThat(run("rollout", "pause", "r-1", "--reason", "wait")).isEqualTo(ExitCodes.DONE);
    assertThat(run("rollout", "abort", "r-1", "--reason", "smoke")).isEqualTo(ExitCodes.DONE);

    assertThat(requests)
        .containsExactly(
            "POST /v1/rollouts/r-1/pause {\"reason\":\"wait\"}",
            "POST /v1/rollouts/r-1/abort {\"reason\":\"smoke\"}");
    assertThat(seen).isEmpty();
  }

  @Test
  void startsARolloutInStages() {
    answer("/v1/rollouts", 201, "{\"id\":\"r-9\"}");

    run("create", "rollout", "engine@2", "--stages", "10,100", "--window", "5s", "-o", "name");

    assertThat(requests.getFirst())
        .isEqualTo(
            "POST /v1/rollouts {\"model\":\"engine\",\"version\":2,\"stages\":"
                + "[{\"percent\":10},{\"percent\":100}],\"windowMillis\":5000}");
    assertThat(lines()).containsExactly("rollout/r-9");
  }

  @Test
  void writesWhatAReleaseKeyIsToSignAsItCame() throws IOException {
    answer("/v1/models/engine/versions/2/release", 200, "{\"model\": \"engine\"}\n");
    Path file = folder.resolve("unsigned.json");

    assertThat(run("get", "release", "engine:2", "--out", file.toString()))
        .isEqualTo(ExitCodes.DONE);

    assertThat(file).hasContent("{\"model\": \"engine\"}\n");
    assertThat(out.toString()).contains("engine@2", "./skerry sign release", "--in unsigned.json");
  }

  @Test
  void bringsTheFilesOfCandidatesAndTellsWhatForTheyAre() {
    String path = "/v1/models/engine/versions/2/candidates";
    answer(
        path,
        200,
        """
        {"model": "engine", "version": 2, "files": [
          {"profile": "arm64-neon", "name": "tflite-int8.tflite", "bytes": 3,
            "keptUntil": "2026-12-30T00:00:00Z"},
          {"profile": "x86-64-avx2", "name": "onnxruntime-fp32.onnx", "bytes": 4,
            "keptUntil": "2026-12-30T00:00:00Z"}]}
        """);
    answer(path + "/arm64-neon/tflite-int8.tflite", 200, "one");
    answer(path + "/x86-64-avx2/onnxruntime-fp32.onnx", 200, "four");
    Path all = folder.resolve("all");
    Path some = folder.resolve("some");

    assertThat(run("get", "candidates", "engine@2", "--out", all.toString()))
        .isEqualTo(ExitCodes.DONE);
    assertThat(
            run("get", "candidates", "engine@2", "--profile=arm64-neon", "--out", some.toString()))
        .isEqualTo(ExitCodes.DONE);
    int other =
        run("get", "candidates", "engine@2", "--profile=arm64-dotprod", "--out", some.toString());

    assertThat(all.resolve("arm64-neon/tflite-int8.tflite")).hasContent("one");
    assertThat(all.resolve("x86-64-avx2/onnxruntime-fp32.onnx")).hasContent("four");
    assertThat(some.resolve("arm64-neon")).isDirectoryContaining("glob:**/tflite-int8.tflite");
    assertThat(some.resolve("x86-64-avx2")).doesNotExist();
    assertThat(out.toString())
        .contains(
            "agent bench",
            "--report",
            "import timings",
            "create variants engine@2 --profile arm64-neon --profile x86-64-avx2\n",
            "create variants engine@2 --profile arm64-neon\n");
    assertThat(other).isEqualTo(ExitCodes.NOT_FOUND);
    assertThat(err.toString())
        .contains("[arm64-neon, x86-64-avx2]", "create variants engine@2 --profile arm64-dotprod");
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x", "..", "", "a/b"})
  void writesCandidatesNowhereElse(String name) {
    answer(
        "/v1/models/engine/versions/2/candidates",
        200,
        """
        {"model": "engine", "version": 2, "files": [
          {"profile": "arm64-neon", "name": "%s", "bytes": 3, "keptUntil": "2026-12-30T00:00:00Z"}]}
        """
            .formatted(name));

    assertThat(run("get", "candidates", "engine@2", "--out", folder.resolve("all").toString()))
        .isEqualTo(ExitCodes.FAILED);
    assertThat(err.toString()).contains("the server names a file");
  }

  @Test
  void leavesNoPartOfACandidateThatDidNotCome() {
    String path = "/v1/models/engine/versions/2/candidates";
    answer(
        path,
        200,
        """
        {"model": "engine", "version": 2, "files": [
          {"profile": "arm64-neon", "name": "a.onnx", "bytes": 3, "keptUntil": "2026-12-30T00:00:00Z"}]}
        """);
    answer(path + "/arm64-neon/a.onnx", 404, "{\"code\":\"NOT_FOUND\",\"detail\":\"it is gone\"}");

    assertThat(run("get", "candidates", "engine@2", "--out", folder.resolve("all").toString()))
        .isEqualTo(ExitCodes.NOT_FOUND);
    assertThat(err.toString()).contains("it is gone");
    assertThat(folder.resolve("all/arm64-neon")).isEmptyDirectory();
  }

  @Test
  void keepsNothingOfWhatAnEndedDownloadLeft() throws IOException {
    String path = "/v1/models/engine/versions/2/candidates";
    answer(
        path,
        200,
        """
        {"model": "engine", "version": 2, "files": [
          {"profile": "arm64-neon", "name": "a.onnx", "bytes": 3, "keptUntil": "2026-12-30T00:00:00Z"}]}
        """);
    answer(path + "/arm64-neon/a.onnx", 200, "new");
    Path all = folder.resolve("all");
    Files.createDirectories(all.resolve("arm64-neon"));
    Files.writeString(all.resolve("arm64-neon/a.onnx.part"), "a longer one of before");

    assertThat(run("get", "candidates", "engine@2", "--out", all.toString()))
        .isEqualTo(ExitCodes.DONE);
    assertThat(all.resolve("arm64-neon/a.onnx")).hasContent("new");
    assertThat(all.resolve("arm64-neon")).isDirectoryNotContaining("glob:**/*.part");
  }

  @Test
  void takesNoCandidateOfAnotherSizeThanTold() throws IOException {
    String path = "/v1/models/engine/versions/2/candidates";
    answer(
        path,
        200,
        """
        {"model": "engine", "version": 2, "files": [
          {"profile": "arm64-neon", "name": "a.onnx", "bytes": 5, "keptUntil": "2026-12-30T00:00:00Z"}]}
        """);
    answer(path + "/arm64-neon/a.onnx", 200, "new");
    Path all = folder.resolve("all");
    Files.createDirectories(all.resolve("arm64-neon"));
    Files.writeString(all.resolve("arm64-neon/a.onnx"), "old");

    assertThat(run("get", "candidates", "engine@2", "--out", all.toString()))
        .isEqualTo(ExitCodes.FAILED);
    assertThat(err.toString()).contains("3 bytes instead of 5", "again");
    assertThat(all.resolve("arm64-neon/a.onnx")).hasContent("old");
    assertThat(all.resolve("arm64-neon")).isDirectoryNotContaining("glob:**/*.part");
  }

  @Test
  void writesNothingForAReleaseThatIsNone() {
    answer(
        "/v1/models/engine/versions/2/release",
        409,
        "{\"code\":\"STATE_CONFLICT\",\"detail\":\"no\"}");
    Path file = folder.resolve("unsigned.json");

    assertThat(run("get", "release", "engine@2", "--out", file.toString()))
        .isEqualTo(ExitCodes.CONFLICT);
    assertThat(file).doesNotExist();
  }

  @Test
  void bringsSignaturesAsTheyAre() throws IOException {
    answer(
        "/v1/models/engine/versions/2/signatures",
        200,
        """
        {"variants":[{"state":"RELEASED"},{"state":"AWAITING_SIGNATURE"},{"state":"NOT_CHOSEN"}]}
        """);
    Path file = Files.writeString(folder.resolve("signed.json"), "{}");

    assertThat(run("create", "signature", "engine@2", "-f", file.toString()))
        .isEqualTo(ExitCodes.DONE);

    assertThat(requests).containsExactly("PUT /v1/models/engine/versions/2/signatures {}");
    assertThat(lines()).containsExactly("model/engine@2: 1 released, 1 AWAITING_SIGNATURE");
  }

  @Test
  void optionsWinOverEnvironmentAndEnvironmentOverTheFile() throws IOException {
    answer("/v1/devices", 200, DEVICES);
    Path config = Files.createDirectories(folder.resolve(".config/skerry")).resolve("config");
    Files.writeString(config, "server=http://127.0.0.1:1\ntoken=from-file\n");

    run("get", "devices", "--token", "from-option");
    environment.remove("SKERRY_TOKEN");
    run("get", "devices");

    assertThat(tokens).containsExactly("Bearer from-option", "Bearer from-file");
  }

  @Test
  void saysHowToLogInWhenThereIsNoToken() {
    environment.remove("SKERRY_TOKEN");

    assertThat(run("get", "devices")).isEqualTo(ExitCodes.NOT_ALLOWED);
    assertThat(err.toString()).contains("not logged in", "SKERRY_TOKEN");
  }

  @Test
  void saysThatNobodyListens() {
    server.stop(0);

    assertThat(run("get", "devices")).isEqualTo(ExitCodes.FAILED);
    assertThat(err.toString().lines()).singleElement().asString().contains("cannot be reached");
  }

  private final List<String> tokens = new ArrayList<>();
  private final List<String> seen = new CopyOnWriteArrayList<>();

  private int run(String... arguments) {
    return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), environment, arguments);
  }

  private List<String> lines() {
    return out.toString().lines().toList();
  }

  private void answer(String path, int status, String body) {
    server.createContext(
        path,
        exchange -> {
          record(exchange);
          byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
          exchange.getResponseHeaders().add("Content-Type", "application/json");
          exchange.sendResponseHeaders(status, bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
  }

  private void record(HttpExchange exchange) throws IOException {
    tokens.add(exchange.getRequestHeaders().getFirst("Authorization"));
    seen.addAll(exchange.getRequestHeaders().getOrDefault("If-Match", List.of()));
    String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.ISO_8859_1);
    requests.add(exchange.getRequestMethod() + " " + exchange.getRequestURI() + " " + body);
  }

  private static HttpServer start() {
    try {
      return HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
