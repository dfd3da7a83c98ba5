package edu.anu.spice;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Arrays;

/**
 * SPICE with a result that any Java can write: SpiceResult OUTPUT INPUT [OPTIONS of SpiceScorer].
 *
 * SpiceScorer's own option -out indents its JSON with Java's JavaScript engine, which Java 15 and
 * later do not have. This class writes the same JSON as it is. It lies beside its compiled form,
 * made with
 *
 *   javac --release 8 -cp .../pycocoevalcap/spice/spice-1.0.jar:.../spice/lib/* SpiceResult.java
 */
public class SpiceResult {
	public static void main(String[] args) throws Exception {
		SpiceScorer scorer = new SpiceScorer();
		scorer.scoreBatch(new SpiceArguments(Arrays.copyOfRange(args, 1, args.length)));
		byte[] json = scorer.stats.toJSONString().getBytes(StandardCharsets.UTF_8);
		Files.write(Paths.get(args[0]), json);
	}
}
