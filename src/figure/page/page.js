// Last: everything above is defined. A page that is whole says so, for tests.

showComparison();
showBreakdown();
showWhatIf();
showTopology();
showTimeline();
showSensitivity();
showProvenance();
showTips();
document.documentElement.dataset.drawn = "yes";
