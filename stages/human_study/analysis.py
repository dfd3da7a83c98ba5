"""The human study as a page, figures and tables."""

from caption_curation.human_study.parameters import load_human_study
from caption_curation.paths import HUMAN_STUDY, HUMAN_STUDY_REPORT
from caption_curation.reports.human_study.report import summary, write_report
from stages import run


def main() -> None:
    """Write reports/human_study: index.html, figures as PNG and SVG, tables as CSV."""
    findings = write_report(HUMAN_STUDY, HUMAN_STUDY_REPORT, load_human_study())
    print(summary(findings, HUMAN_STUDY_REPORT))


if __name__ == "__main__":
    run(main)
