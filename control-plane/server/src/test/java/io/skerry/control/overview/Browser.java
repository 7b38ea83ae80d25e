package io.skerry.control.overview;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A real headless browser with one page, used as a person uses it: by its keys. Asked over the
 * DevTools protocol, so that nothing of ours is in the page but what the server sent.
 */
final class Browser implements AutoCloseable {
  private static final List<Path> INSTALLED =
      List.of(Path.of("/usr/bin/chromium"), Path.of("/usr/bin/google-chrome"));
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final int TABS_MAX = 80;

  private final Process process;
  private final WebSocket socket;
  private final AtomicLong calls = new AtomicLong();
  private final ConcurrentHashMap<Long, CompletableFuture<JsonObject>> answers =
      new ConcurrentHashMap<>();

  private Browser(Process process, URI page) {
    this.process = process;
    this.socket =
        HttpClient.newHttpClient()
            .newWebSocketBuilder()
            .buildAsync(page, new Answers())
            .orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS)
            .join();
  }

  /** The browser of this machine; a test that finds none is left out. */
  static Path installed() {
    Optional<Path> browser = INSTALLED.stream().filter(Files::isExecutable).findFirst();
    assumeTrue(browser.isPresent(), "there is no Chromium on this machine");
    return browser.orElseThrow();
  }

  static Browser start(Path folder) throws IOException, InterruptedException {
    Path profile = folder.resolve("profile");
    Process process =
        new ProcessBuilder(
                installed().toString(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-dev-shm-usage",
                "--force-color-profile=srgb",
                "--window-size=1280,900",
                "--remote-debugging-port=0",
                "--user-data-dir=" + profile,
                "about:blank")
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      return new Browser(process, page(process, profile.resolve("DevToolsActivePort")));
    } catch (IOException | InterruptedException | RuntimeException e) {
      process.destroyForcibly();
      throw e;
    }
  }

  private static URI page(Process process, Path port) throws IOException, InterruptedException {
    Instant end = Instant.now().plus(PATIENCE);
    while (!Files.exists(port) || Files.readAllLines(port).size() < 2) {
      assertThat(process.isAlive() && Instant.now().isBefore(end)).as("a browser runs").isTrue();
      LockSupport.parkNanos(10_000_000);
    }
    String pages = "http://127.0.0.1:%s/json/list".formatted(Files.readAllLines(port).getFirst());
    HttpResponse<String> listed =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(URI.create(pages)).build(),
                HttpResponse.BodyHandlers.ofString());
    for (JsonElement one : JsonParser.parseString(listed.body()).getAsJsonArray()) {
      if (one.getAsJsonObject().get("type").getAsString().equals("page")) {
        return URI.create(one.getAsJsonObject().get("webSocketDebuggerUrl").getAsString());
      }
    }
    throw new IOException("the browser has no page: " + listed.body());
  }

  private final class Answers implements WebSocket.Listener {
    private final StringBuilder message = new StringBuilder();

    @Override
    public CompletionStage<?> onText(WebSocket webSocket, CharSequence data, boolean last) {
      message.append(data);
      if (last) {
        JsonObject answer = JsonParser.parseString(message.toString()).getAsJsonObject();
        message.setLength(0);
        if (answer.has("id")) {
          CompletableFuture<JsonObject> waiting = answers.remove(answer.get("id").getAsLong());
          if (waiting != null) {
            waiting.complete(answer);
          }
        }
      }
      webSocket.request(1);
      return CompletableFuture.completedFuture(null);
    }
  }

  private JsonObject call(String method, JsonObject parameters) {
    long id = calls.incrementAndGet();
    CompletableFuture<JsonObject> answer = new CompletableFuture<>();
    answers.put(id, answer);
    JsonObject request = new JsonObject();
    request.addProperty("id", id);
    request.addProperty("method", method);
    request.add("params", parameters);
    socket.sendText(request.toString(), true).join();
    return answer.orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
  }

  /** Opens a page and waits until it is there. */
  void open(URI url) {
    JsonObject to = new JsonObject();
    to.addProperty("url", url.toString());
    call("Page.navigate", to);
    until("document.readyState === 'complete' && location.href !== 'about:blank'");
  }

  /** What an expression says in the page, as text. */
  String read(String expression) {
    JsonObject asked = new JsonObject();
    asked.addProperty("expression", "String(%s)".formatted(expression));
    asked.addProperty("returnByValue", true);
    JsonObject result = call("Runtime.evaluate", asked);
    if (!result.has("result") || result.getAsJsonObject("result").has("exceptionDetails")) {
      return "failed: " + result;
    }
    JsonElement value = result.getAsJsonObject("result").getAsJsonObject("result").get("value");
    return value == null ? "" : value.getAsString();
  }

  /** Waits until an expression is true; it may be asked of several pages in turn. */
  void until(String expression) {
    Instant end = Instant.now().plus(PATIENCE);
    String told = read(expression);
    while (!told.equals("true")) {
      assertThat(Instant.now().isBefore(end))
          .as("%s is %s on %s", expression, told, read("document.body.innerText"))
          .isTrue();
      LockSupport.parkNanos(10_000_000);
      told = read(expression);
    }
  }

  /** Presses a key, named as browsers name it: {@code a}, {@code Tab}, {@code Enter}. */
  void press(String key) {
    hold(key, 0);
  }

  /** The same for so long that the key repeats itself. */
  void hold(String key, int repeats) {
    for (int i = 0; i <= repeats; i++) {
      send(text(key).isEmpty() ? "rawKeyDown" : "keyDown", key, i > 0);
    }
    send("keyUp", key, false);
  }

  private void send(String type, String key, boolean repeated) {
    JsonObject event = new JsonObject();
    event.addProperty("type", type);
    event.addProperty("key", key);
    event.addProperty("code", key.length() == 1 ? "" : key);
    event.addProperty("windowsVirtualKeyCode", code(key));
    event.addProperty("autoRepeat", repeated);
    if (type.equals("keyDown")) {
      event.addProperty("text", text(key));
    }
    call("Input.dispatchKeyEvent", event);
  }

  private static String text(String key) {
    return key.equals("Enter") ? "\r" : key.length() == 1 ? key : "";
  }

  private static int code(String key) {
    return switch (key) {
      case "Tab" -> 9;
      case "Enter" -> 13;
      case "Escape" -> 27;
      // Its letter would be the code of Delete.
      case "." -> 190;
      default -> Character.toUpperCase(key.charAt(0));
    };
  }

  void type(String text) {
    text.chars().forEach(letter -> press(Character.toString(letter)));
  }

  /** Goes to an element by the Tab key alone. */
  void tabTo(String selector) {
    for (int i = 0; i < TABS_MAX; i++) {
      if (read("document.activeElement.matches('%s')".formatted(selector)).equals("true")) {
        return;
      }
      press("Tab");
    }
    assertThat(false).as("%s can be reached by Tab", selector).isTrue();
  }

  /** Makes the page this wide, as on a telephone. */
  void width(int pixels) {
    JsonObject size = new JsonObject();
    size.addProperty("width", pixels);
    size.addProperty("height", 900);
    size.addProperty("deviceScaleFactor", 1);
    size.addProperty("mobile", false);
    call("Emulation.setDeviceMetricsOverride", size);
  }

  /** Keeps how the whole page looks, for whoever wants to look at it. */
  void picture(String name) throws IOException {
    JsonObject whole = new JsonObject();
    whole.addProperty("captureBeyondViewport", true);
    JsonObject clip = new JsonObject();
    clip.addProperty("x", 0);
    clip.addProperty("y", 0);
    clip.addProperty("width", Double.valueOf(read("innerWidth")));
    clip.addProperty("height", Double.valueOf(read("document.documentElement.scrollHeight")));
    clip.addProperty("scale", 1);
    whole.add("clip", clip);
    String data =
        call("Page.captureScreenshot", whole).getAsJsonObject("result").get("data").getAsString();
    Path pages = Files.createDirectories(Path.of("target/pages"));
    Files.write(pages.resolve(name + ".png"), Base64.getDecoder().decode(data));
  }

  @Override
  public void close() {
    socket.abort();
    // They write into its profile until they end, which the test's folder waits for.
    List<ProcessHandle> children = process.descendants().toList();
    process.destroy();
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
      children.forEach(ProcessHandle::destroyForcibly);
      children.forEach(child -> child.onExit().join());
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
