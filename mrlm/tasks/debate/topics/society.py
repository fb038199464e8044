"""Motions about society and government; the layout is described in the package."""

TEXT = """
basic_income: Every adult should get a universal basic income.
+ A basic income lifted {n} of 100 poor families out of poverty in a trial.
- A basic income for everyone would raise taxes by {n} percent.
+ People with a basic income dare to start their own business.
- Some people with a basic income stop looking for work.
+ One basic income replaces dozens of forms and offices.
- One basic income ignores that sick people need more than others.
= Coins were used in ancient times.
= A year has twelve months.

voting_age: The voting age should be lowered to sixteen.
+ People of sixteen work and pay taxes like other voters.
- People of sixteen may not yet sign most contracts.
+ In a trial, {n} of 100 pupils of sixteen went to vote.
- In a survey, {n} of 100 pupils of sixteen could name no party.
+ Early voters keep the habit of voting all their lives.
- Early voters mostly copy the choice of their parents.
= Ballots are printed on paper.
= Some countries vote on Sundays.

compulsory_voting: Voting should be compulsory.
+ Turnout rose by {n} percent where voting became compulsory.
- Spoiled ballots rose by {n} percent where voting became compulsory.
+ When everyone votes, parties must care about poor people too.
- When everyone must vote, parties win over the careless with slogans.
+ Voting takes an hour and is a fair duty, like paying tax.
- Being free to vote includes being free to stay at home.
= Many polling stations are in schools.
= A ballot box has a slot at the top.

four_day_week: The working week should have four days.
+ Staff with a four day week took {n} percent fewer sick days.
- Staff with a four day week worked {n} minutes longer on each day.
+ Firms in a trial sold as much in four days as in five.
- Shops in a trial lost customers on the day when they were closed.
+ Parents gain a day for their children each week.
- Children have school on five days, so parents gain little.
= A week has seven days.
= Calendars often hang in kitchens.

minimum_wage: The minimum wage should be raised.
+ A higher minimum wage lets {n} of 100 cleaners give up their second job.
- A higher minimum wage made {n} of 100 small cafes cut jobs.
+ Workers who are paid more stay longer and work better.
- Machines replace workers sooner when they are paid more.
+ Workers with more money spend it in local shops.
- Local shops raise their prices to pay for higher wages.
= Wages are often paid at the end of a month.
= Salt was once used to pay people.

open_borders: Countries should accept more immigrants.
+ Immigrants filled {n} of 100 empty posts in hospitals.
- Immigrants made the wait for a flat {n} days longer.
+ Young immigrants pay into pensions for the old.
- Poor immigrants need support before they can pay into anything.
+ New dishes and festivals came to towns with immigrants.
- Schools find it hard to teach immigrants without a common language.
= Borders are drawn as lines on maps.
= A suitcase can have two or four wheels.

death_penalty: The death penalty should be abolished everywhere.
+ Courts later found {n} executed prisoners to have been innocent.
- Freed murderers killed {n} people after they left prison.
+ Murder is as rare in countries without the death penalty.
- Some murderers say that only the death penalty frightens them.
+ A state that forbids killing should not kill.
- Families of victims feel that only the death penalty is just.
= Judges wear robes in many countries.
= Courtrooms often have high ceilings.

prison_reform: Prisons should focus on training rather than punishment.
+ Of trained prisoners, {n} percent fewer returned to prison.
- Training a prisoner costs {n} percent more than holding one.
+ Prisoners with a trade find honest work after release.
- Honest workers without a record must pay for their own training.
+ Guards are attacked less where prisoners learn something.
- Victims feel mocked where prisoners are treated kindly.
= Some old prisons are museums today.
= A cell door opens outwards.

public_transport: Public transport should be free.
+ Free buses took {n} percent of the cars off the roads.
- Free buses were overcrowded on {n} days of the year.
+ Poor people can reach better jobs when buses are free.
- Poor people pay for free buses through higher taxes.
+ Drivers save time when they sell no tickets.
- Without ticket income, there is no money for new buses.
= Some buses have two floors.
= Tram rails are made of steel.

wealth_tax: Very rich people should pay a wealth tax.
+ A wealth tax on a few people could pay for {n} new schools.
- A wealth tax drove {n} of 100 rich families abroad.
+ Large fortunes grow faster than the wages of workers.
- Large fortunes pay the wages of workers in new firms.
+ Rich heirs did nothing to earn what they own.
- Rich founders have paid tax on what they earned before.
= Tax forms are often several pages long.
= Gold does not rust.

zoos: Zoos should be closed.
+ Animals in zoos walk in circles from boredom.
- Animals in zoos live longer than those in the wild.
+ In a survey, {n} of 100 visitors learned nothing about animals in a zoo.
- In a survey, {n} of 100 visitors gave money for wild animals after a zoo visit.
+ Most species in zoos are in no danger of dying out.
- Zoos saved {n} species that had died out in the wild.
= Giraffes have long necks.
= Some zoos have a small train.

animal_testing: Testing medicine on animals should be banned.
+ Of medicines safe for animals, {n} of 100 fail in people.
- Tests on animals stopped {n} deadly medicines before people took them.
+ Cell cultures now give faster answers than animals do.
- Cell cultures cannot show what a medicine does to a heart.
+ Animals in tests feel pain as we do.
- Children with rare illnesses live thanks to tests on animals.
= Mice have long tails.
= Medicine comes as pills or as syrup.

school_uniforms: Pupils should wear school uniforms.
+ With uniforms, {n} percent fewer pupils were teased for their clothes.
- With uniforms, {n} percent of pupils said that they felt less free.
+ Uniforms cost parents less than fashion does.
- Parents must buy uniforms on top of ordinary clothes.
+ Uniforms make it easy to see who belongs to the school.
- Teasing moves from clothes to phones and shoes.
= Buttons can be made of shells.
= Cotton grows on bushes.

homework: Schools should stop giving homework.
+ Pupils without homework slept {n} minutes longer.
- Pupils without homework scored {n} percent lower in mathematics.
+ Homework is unfair to pupils whose parents cannot help.
- Homework shows parents what their children learn.
+ Free afternoons leave time for sport and friends.
- Free afternoons are mostly spent in front of screens.
= Pencils contain graphite, not lead.
= Many pupils carry a bag on their back.

exams: Final exams should be abolished.
+ Before final exams, {n} of 100 students cannot sleep.
- Without final exams, {n} of 100 students stop revising.
+ Project work shows more skills than one exam does.
- Project work can be done by parents or bought.
+ One bad day in an exam can spoil years of study.
- Teachers can favour some students when there is no common exam.
= Exam rooms often have a clock.
= Ink used to come in small bottles.

gap_year: Young people should take a gap year before university.
+ After a gap year, {n} percent fewer students gave up their studies.
- After a gap year, {n} of 100 students never began to study.
+ A year of work shows young people what they want to study.
- A year of work in simple jobs teaches young people little.
+ Travel in a gap year makes young people independent.
- Travel in a gap year is something only rich families can pay for.
= Some universities are very old.
= A degree is often printed on thick paper.
"""
