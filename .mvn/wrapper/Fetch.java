import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;

/** {@code java Fetch.java URL FILE}: for machines that have a JDK and no curl. */
final class Fetch {
  public static void main(String[] arguments) throws InterruptedException {
    HttpClient client =
        HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL).build();
    String failure = "";
    try {
      HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0])).build();
      int status = client.send(request, BodyHandlers.ofFile(Path.of(arguments[1]))).statusCode();
      if (status != 200) {
        failure = "HTTP " + status;
      }
    } catch (IOException | IllegalArgumentException e) {
      failure = e.getClass().getSimpleName() + (e.getMessage() == null ? "" : ": " + e.getMessage());
    }
    if (!failure.isEmpty()) {
      System.err.printf("%s: %s%n", arguments[0], failure);
      System.exit(1);
    }
  }
}
